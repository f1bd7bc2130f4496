import { Worker } from "node:worker_threads";

import { PROGRAM } from "./thread-program.js";

/** A value of the database. An integer too large for a number, as in a damaged row, is a bigint. */
export type Value = string | number | bigint | null;

/** One statement and its parameters. */
export type Statement = readonly [sql: string, ...parameters: Value[]];

/** One row of a result. */
export type Row = Readonly<Record<string, Value>>;

/** A database in its own thread, so that a slow disk or a lock never blocks the event loop. */
export interface DatabaseThread {
  /** Closes the open database, if any, and opens this one. Creates the file if it is gone. */
  open(path: string): Promise<void>;
  /** Runs statements one by one, and returns the rows of each. */
  query(statements: readonly Statement[]): Promise<Row[][]>;
  /**
   * The same, in one transaction that is on the disk when this resolves. Rejects with the code
   * `ERR_FILE_LOST` if the file, its log or the log's index was replaced or removed, or the file
   * was truncated.
   */
  transact(statements: readonly Statement[]): Promise<Row[][]>;
  close(): Promise<void>;
  /** Sets whether the process stays alive for this thread alone. */
  keepAlive(isNeeded: boolean): void;
  /** Whether the thread has ended, for whatever reason. */
  hasEnded(): boolean;
  end(): Promise<void>;
}

/** An error of SQLite, as the thread sends it. */
interface ThreadError {
  readonly name: string;
  readonly code?: string;
  readonly errcode?: number;
}

type Answer =
  | { readonly rows: Row[][]; readonly error?: never }
  | { readonly rows?: never; readonly error: ThreadError };

/** Starts the thread. Await each `open`, `query`, `transact` or `close` before the next. */
export function startDatabaseThread(): DatabaseThread {
  // The thread gets no options of this process: a tracer that they load would record every text.
  const options = { eval: true, execArgv: ["--disable-warning=ExperimentalWarning"], env: {} };
  const worker = new Worker(PROGRAM, options);
  let pending: { resolve: (rows: Row[][]) => void; reject: (error: Error) => void } | undefined;
  let hasEnded = false;

  worker.on("message", ({ rows, error }: Answer) => {
    const asked = pending;
    pending = undefined;
    if (error) asked?.reject(sqliteError(error));
    else asked?.resolve(rows);
  });
  worker.on("error", () => {});
  worker.on("exit", () => {
    hasEnded = true;
    pending?.reject(threadError());
  });

  function ask(action: string, argument?: string | readonly Statement[]): Promise<Row[][]> {
    return new Promise((resolve, reject) => {
      if (hasEnded) return reject(threadError());
      pending = { resolve, reject };
      worker.postMessage([action, argument]);
    });
  }

  return {
    open: async (path) => void (await ask("open", path)),
    query: (statements) => ask("query", statements),
    transact: (statements) => ask("transact", statements),
    close: async () => void (await ask("close")),
    keepAlive: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
    hasEnded: () => hasEnded,
    end: async () => void (await worker.terminate()),
  };
}

/** SQLite's names for result codes that operators may see: https://www.sqlite.org/rescode.html */
const RESULT_CODES: Readonly<Record<number, string>> = {
  3: "SQLITE_PERM",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  7: "SQLITE_NOMEM",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  26: "SQLITE_NOTADB",
};

/** An error from the thread, without its text, which may quote a statement. */
function sqliteError({ name, code, errcode }: ThreadError): Error {
  // The lowest byte is the primary code. The others only make it more specific.
  const primary = RESULT_CODES[Number(errcode) & 0xff];
  return Object.assign(new Error("SQLite failed"), { name, code: primary ?? code });
}

function threadError(): Error {
  return Object.assign(new Error("the database thread ended"), { code: "ERR_THREAD_ENDED" });
}
