import { setImmediate, within } from "../clock.js";
import { CHECKPOINT, connect, isBusy, type ConnectionOptions } from "./connection.js";
import { startDatabaseThread, type Row, type Statement } from "./database-thread.js";

/** How long, in ms, the database has to close. A disk that hangs must not hold up a shutdown. */
const CLOSE_DEADLINE = 2_000;

/** The database of one inbox. */
export interface Database {
  /**
   * Runs statements, in one transaction with everything else that is asked for in the same turn of the
   * event loop or while the last transaction runs. Resolves once it is on the disk.
   */
  run(statements: readonly Statement[]): Promise<Row[][]>;
  /** The same, after all others in its transaction. `build` is called when it begins. */
  runLast(build: () => readonly Statement[]): Promise<Row[][]>;
  /** Writes the log back into the file, and empties it. */
  checkpoint(): Promise<void>;
  /** Whether the process stays alive while nothing is asked for. */
  keepAlive(isNeeded: boolean): void;
  /** Finishes what was asked for, and closes the file. Resolves within a few seconds in any case. */
  close(): Promise<void>;
}

/** How a database is made. */
export interface DatabaseOptions extends ConnectionOptions {
  /** The first statements after each opening. */
  readonly whenOpened: () => readonly Statement[];
}

interface Work {
  readonly build: () => readonly Statement[];
  readonly resolve: (results: Row[][]) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes the database. It is opened for the first transaction, and anew after it failed. */
export function createDatabase(options: DatabaseOptions): Database {
  let thread = startDatabaseThread();
  let isOpen = false;
  let isNeeded = false;
  let isScheduled = false;
  let isClosed = false;
  let waiting: Work[] = [];
  let waitingLast: Work[] = [];
  let tasks = 0;
  let lastTask: Promise<unknown> = Promise.resolve();

  const keepAlive = () => thread.keepAlive(isNeeded || tasks > 0);

  /** The thread does one thing at a time. */
  function inTurn(task: () => Promise<void>): Promise<void> {
    tasks += 1;
    keepAlive();
    const done = lastTask.then(task).finally(() => {
      tasks -= 1;
      keepAlive();
    });
    lastTask = done.catch(() => {});
    return done;
  }

  function enqueue(queue: Work[], build: () => readonly Statement[]): Promise<Row[][]> {
    return new Promise((resolve, reject) => {
      if (isClosed) return reject(new Error("the inbox is closed"));
      queue.push({ build, resolve, reject });
      if (isScheduled) return;
      isScheduled = true;
      void inTurn(transactNext);
    });
  }

  async function transactNext() {
    // What this turn of the event loop still asks for belongs to the same transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    isScheduled = false;
    const batch = [...waiting, ...waitingLast];
    waiting = [];
    waitingLast = [];
    try {
      await transact(batch);
    } catch (error) {
      // What another process has locked is as good as before.
      if (!isBusy(error)) isOpen = false;
      batch.forEach(({ reject }) => reject(error));
    }
  }

  async function transact(batch: readonly Work[]) {
    if (!isOpen) await open();
    const parts = batch.map(({ build }) => build());
    const results = await thread.transact(parts.flat());
    let start = 0;
    batch.forEach(({ resolve }, index) => {
      const end = start + parts[index]!.length;
      resolve(results.slice(start, end));
      start = end;
    });
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

  return {
    run: (statements) => enqueue(waiting, () => statements),
    runLast: (build) => enqueue(waitingLast, build),
    checkpoint: () => inTurn(async () => void (isOpen && (await thread.query(CHECKPOINT)))),
    keepAlive(needed) {
      isNeeded = needed;
      keepAlive();
    },
    async close() {
      isClosed = true;
      await within(CLOSE_DEADLINE, inTurn(closeFile)).catch(() => {});
      await within(CLOSE_DEADLINE, thread.end()).catch(() => {});
    },
  };
}
