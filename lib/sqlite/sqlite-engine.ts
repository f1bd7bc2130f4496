import { bareError } from "../errors.js";
import type { Outcome } from "../inbox/inbox.js";
import type { Database } from "./database.js";
import { checking, storing } from "./notifications.js";
import { firstRow, UnusableFileError } from "./schema.js";
import type { PreparedText, StoredText } from "./stored-text.js";
import { FILE_LOST } from "./thread-program.js";

/** What the engine needs. */
export interface SqliteEngineOptions {
  readonly database: Database;
  readonly storedText: StoredText;
  /** How long a reference is remembered, in ms. */
  readonly dedupeTtl: number;
}

/** The database as the outage buffer uses it. */
export function createSqliteEngine({ database, storedText, dedupeTtl }: SqliteEngineOptions) {
  async function store(prepared: PreparedText): Promise<Outcome> {
    const now = Date.now();
    const expires = Math.min(now + dedupeTtl, Number.MAX_SAFE_INTEGER);
    const { isNew } = firstRow(await database.run(storing(prepared, { now, expires })));
    return isNew === 1 ? "accepted" : "duplicate";
  }

  return {
    prepare: storedText.write,
    store,
    check: async () => void (await database.run(checking())),
    // The database reopens itself. A thread that hangs on the disk cannot be replaced.
    ownsConnections: false,
    reconnect: () => {},
    describeMisconfiguration,
    describeCause,
  };
}

/** Describes a cause that waiting does not cure. */
function describeMisconfiguration(cause: unknown): string | undefined {
  if (cause instanceof UnusableFileError) return cause.message;
  const { code } = bareError(cause);
  if (code === "SQLITE_NOTADB") return "file is not a SQLite database";
  if (code === "SQLITE_CORRUPT") return "file is damaged; restore it or remove it";
  return undefined;
}

const CAUSES = new Map([
  [FILE_LOST, "file or its log was deleted, moved, replaced or truncated while it was in use"],
  ["SQLITE_BUSY", "another process has locked file"],
  ["SQLITE_CANTOPEN", "file cannot be opened"],
  ["SQLITE_FULL", "the disk is full"],
  ["SQLITE_IOERR", "the disk cannot be read or written"],
  ["SQLITE_READONLY", "file is read-only"],
]);

function describeCause(cause: unknown): string | undefined {
  return CAUSES.get(String(bareError(cause).code));
}
