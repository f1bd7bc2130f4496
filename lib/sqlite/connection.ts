import { bareError } from "../errors.js";
import type { DatabaseThread, Statement } from "./database-thread.js";
import { CREATE_TABLES, firstRow, isEmpty, UnusableFileError } from "./schema.js";

/** Time that SQLite waits for another process's lock, in ms: less than `ENGINE_DEADLINE`. */
const LOCK_TIMEOUT = 800;

/** Settings of a connection, each with the value that SQLite must confirm. */
const SETTINGS = {
  busy_timeout: LOCK_TIMEOUT,
  journal_mode: "wal",
  // FULL: a commit is on the disk before it returns.
  synchronous: 2,
  // On macOS, fsync alone leaves data in the drive's cache.
  fullfsync: 1,
  checkpoint_fullfsync: 1,
  // Overwrites deleted content with zeros.
  secure_delete: 1,
  // A negative size is in KiB: this is 16 MiB.
  cache_size: -16_384,
};

/** How a database is opened. */
export interface ConnectionOptions {
  readonly path: string;
  /** Whether this SQLite can share a file between processes. See {@link canShare}. */
  readonly canBeShared: boolean;
  /** Statements to run while no other process has the file open. */
  readonly whenAlone: readonly Statement[];
}

/**
 * Copies the write-ahead log into the file and empties the log, unless another process is using it.
 */
export const CHECKPOINT: readonly Statement[] = [
  ["PRAGMA busy_timeout = 0"],
  ["PRAGMA wal_checkpoint(TRUNCATE)"],
  [`PRAGMA busy_timeout = ${LOCK_TIMEOUT}`],
];

/**
 * Opens the database, and creates its tables if the file is empty.
 *
 * @throws UnusableFileError if our own checks refuse the file
 */
export async function connect(thread: DatabaseThread, options: ConnectionOptions): Promise<void> {
  const isAlone = await openExclusively(thread, options);
  if (!options.canBeShared) {
    if (isAlone) return;
    throw new UnusableFileError("ERR_FILE_IN_USE", IN_USE);
  }
  await thread.open(options.path);
  await thread.query([[`PRAGMA busy_timeout = ${LOCK_TIMEOUT}`]]);
  await configure(thread);
}

/** False if another process has the database open. */
async function openExclusively(
  thread: DatabaseThread,
  { path, whenAlone }: ConnectionOptions,
): Promise<boolean> {
  try {
    await thread.open(path);
    await thread.query([["PRAGMA locking_mode = EXCLUSIVE"]]);
    await configure(thread);
    await thread.transact(whenAlone);
    return true;
  } catch (error) {
    if (isLocked(error)) return false;
    throw error;
  }
}

async function configure(thread: DatabaseThread): Promise<void> {
  // Checked before anything is written: the file may be another program's.
  const isNew = await isEmpty(thread);
  for (const [name, value] of Object.entries(SETTINGS)) {
    await thread.query([[`PRAGMA ${name} = ${value}`]]);
    const setting = firstRow(await thread.query([[`PRAGMA ${name}`]]));
    if (!Object.values(setting).includes(value)) {
      throw new UnusableFileError("ERR_FILE_SYSTEM", `${name} ${NOT_TAKEN}`);
    }
  }
  if (isNew) await thread.transact(CREATE_TABLES);
}

/** Whether an error means that another process holds a lock. */
export function isLocked(error: unknown): boolean {
  return bareError(error).code === "SQLITE_BUSY";
}

/**
 * Whether several processes may share a file. Before SQLite 3.51.3, connections that write or
 * checkpoint at the same instant can corrupt it (https://www.sqlite.org/wal.html#walresetbug).
 */
export function canShare(sqliteVersion: string): boolean {
  return sqliteVersion.localeCompare("3.51.3", "en", { numeric: true }) >= 0;
}

const IN_USE =
  "another process has file open, and this Node's SQLite, older than 3.51.3, cannot share it safely; " +
  "run one process, or use a newer release of Node";
const NOT_TAKEN = "cannot be set for file; put it on a local disk, not on a network file system";
