import { within } from "../clock.js";
import { bareError, TelesignCallbackError } from "../errors.js";
import { CHECKPOINT, connect, isLocked, type ConnectionOptions } from "./connection.js";
import { startDatabaseThread, type Row, type Statement } from "./database-thread.js";
import { createGroupCommit, type Build } from "./group-commit.js";
import { FILE_LOST } from "./thread-program.js";

/** Time that the database has to close, in ms. A disk that hangs must not hold up a shutdown. */
const CLOSE_DEADLINE = 2_000;

/** The database of one inbox. */
export interface Database {
  /**
   * Runs statements, in a transaction that is shared as {@link createGroupCommit} says. Resolves
   * once it is on the disk.
   */
  run(statements: readonly Statement[]): Promise<Row[][]>;
  /** The same, but last in the transaction. `build` is called when the transaction begins. */
  runLast(build: Build): Promise<Row[][]>;
  /** See {@link CHECKPOINT}. */
  checkpoint(): Promise<void>;
  /** Sets whether the process stays alive while the database has nothing to do. */
  keepAlive(isNeeded: boolean): void;
  /** Finishes what was asked for, and closes the file. Always resolves within a few seconds. */
  close(): Promise<void>;
}

/** How a database is made. */
export interface DatabaseOptions extends ConnectionOptions {
  /** The first statements after each opening. */
  readonly whenOpened: () => readonly Statement[];
  /**
   * Called when the file is no longer at its path, or was truncated. The next transaction opens the
   * file that is there by then, or creates one.
   */
  readonly onLost: (error: unknown) => void;
}

/** Makes the database. It is opened for the first transaction, and again after a failure. */
export function createDatabase(options: DatabaseOptions): Database {
  let thread = startDatabaseThread();
  let isOpen = false;
  let isBusy = false;
  let isNeeded = false;
  let isClosed = false;
  const inTurn = createTurns((value) => {
    isBusy = value;
    thread.keepAlive(isNeeded || isBusy);
  });
  const groupCommit = createGroupCommit({ inTurn, transact });

  async function transact(build: Build) {
    try {
      if (!isOpen) await open();
      return await thread.transact(build());
    } catch (error) {
      // A file that another process has locked is still usable.
      if (!isLocked(error)) isOpen = false;
      if (bareError(error).code === FILE_LOST) options.onLost(error);
      throw error;
    }
  }

  async function open() {
    if (thread.hasEnded()) thread = startDatabaseThread();
    await connect(thread, options);
    await thread.transact(options.whenOpened());
    isOpen = true;
  }

  async function closeFile() {
    if (!isOpen) return;
    await thread.query(CHECKPOINT);
    await thread.close();
  }

  async function unlessClosed(run: () => Promise<Row[][]>) {
    if (isClosed) throw new TelesignCallbackError("ERR_INBOX", "the inbox is closed");
    return run();
  }

  return {
    run: (statements) => unlessClosed(() => groupCommit.run(() => statements)),
    runLast: (build) => unlessClosed(() => groupCommit.runLast(build)),
    checkpoint: () => inTurn(async () => void (isOpen && (await thread.query(CHECKPOINT)))),
    keepAlive(needed) {
      isNeeded = needed;
      thread.keepAlive(isNeeded || isBusy);
    },
    async close() {
      isClosed = true;
      await within(CLOSE_DEADLINE, inTurn(closeFile)).catch(() => {});
      await within(CLOSE_DEADLINE, thread.end()).catch(() => {});
    },
  };
}

/**
 * Makes the function that runs tasks one after another, since the thread does one thing at a time.
 *
 * @param onChange is told whether there are tasks
 */
function createTurns(onChange: (isBusy: boolean) => void) {
  let tasks = 0;
  let lastTask: Promise<unknown> = Promise.resolve();

  return function inTurn(task: () => Promise<void>): Promise<void> {
    tasks += 1;
    onChange(true);
    const done = lastTask.then(task).finally(() => {
      tasks -= 1;
      onChange(tasks > 0);
    });
    lastTask = done.catch(() => {});
    return done;
  };
}
