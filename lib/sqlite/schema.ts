import type { DatabaseThread, Row, Statement } from "./database-thread.js";

/** "TSCB", which marks a database as this package's. */
const APPLICATION_ID = 0x54534342;
/** The version of the tables. A newer release that changes them must raise it. */
const VERSION = 1;

/** Creates the tables that are missing. Another process may be doing the same. */
export const CREATE_TABLES: readonly Statement[] = [
  // Every reference that is remembered, until it expires.
  [
    "CREATE TABLE IF NOT EXISTS reference (key TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID",
  ],
  ["CREATE INDEX IF NOT EXISTS reference_expires ON reference (expires)"],
  // Processes that hand over: how often each has shown that it is alive, and how long it may be
  // silent.
  [
    `CREATE TABLE IF NOT EXISTS claimant (
      id TEXT PRIMARY KEY,
      beats INTEGER NOT NULL,
      lock_duration INTEGER NOT NULL
    ) WITHOUT ROWID`,
  ],
  // Notifications that are not finished. One with a time in `failed_at` is a dead letter.
  [
    `CREATE TABLE IF NOT EXISTS notification (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      reference TEXT NOT NULL,
      stored TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      due INTEGER NOT NULL DEFAULT 0,
      claimant TEXT,
      failed_at INTEGER,
      error_name TEXT,
      error_code TEXT
    )`,
  ],
  // Ids start at a random number, because hand-overs may still be using those of a lost file.
  [
    `INSERT INTO sqlite_sequence (name, seq) SELECT 'notification', abs(random() % (1 << 40))
      WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'notification')`,
  ],
  [
    `CREATE INDEX IF NOT EXISTS notification_due ON notification (due)
      WHERE claimant IS NULL AND failed_at IS NULL`,
  ],
  [
    "CREATE INDEX IF NOT EXISTS notification_claimant ON notification (claimant) WHERE claimant IS NOT NULL",
  ],
  [
    "CREATE INDEX IF NOT EXISTS notification_failed ON notification (failed_at) WHERE failed_at IS NOT NULL",
  ],
  [
    "CREATE INDEX IF NOT EXISTS notification_reference ON notification (reference) WHERE failed_at IS NOT NULL",
  ],
  [`PRAGMA application_id = ${APPLICATION_ID}`],
  [`PRAGMA user_version = ${VERSION}`],
];

/** Why a file cannot serve as the database. Waiting does not help. */
export class UnusableFileError extends Error {
  override readonly name = "UnusableFileError";

  /** The text is for people, and names no path. */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Whether the database has no tables yet.
 *
 * @throws UnusableFileError if the database belongs to another program or a newer release
 */
export async function isEmpty(thread: DatabaseThread): Promise<boolean> {
  const rows = await thread.query([
    [
      `SELECT application_id AS application, user_version AS version,
        (SELECT count(*) FROM sqlite_schema) AS objects
        FROM pragma_application_id, pragma_user_version`,
    ],
  ]);
  const { application, version, objects } = firstRow(rows);
  if (application === 0 && version === 0 && objects === 0) return true;
  if (application !== APPLICATION_ID) {
    throw new UnusableFileError("ERR_FOREIGN_FILE", "file is the database of another program");
  }
  if (Number(version) > VERSION) {
    throw new UnusableFileError(
      "ERR_NEWER_FILE",
      "a newer release of telesign-callback has written file; use that release, or another file",
    );
  }
  return false;
}

/** The first row of some results; empty if there is none. */
export function firstRow(results: readonly Row[][]): Row {
  return { ...results.flat()[0] };
}
