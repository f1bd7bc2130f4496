import { setImmediate } from "../clock.js";
import type { Row, Statement } from "./database-thread.js";

/** Makes statements when their transaction begins. */
export type Build = () => readonly Statement[];

/** What a group commit needs. */
export interface GroupCommitOptions {
  /** Runs a task when those before it have ended. */
  readonly inTurn: (task: () => Promise<void>) => Promise<void>;
  /** Runs statements in one transaction. */
  readonly transact: (build: Build) => Promise<Row[][]>;
}

/** Combines statements in one transaction, with one flush to the disk. */
export interface GroupCommit {
  readonly run: (build: Build) => Promise<Row[][]>;
  /** The same, but last in the transaction. */
  readonly runLast: (build: Build) => Promise<Row[][]>;
}

interface Work {
  readonly build: Build;
  readonly resolve: (results: Row[][]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes the group commit. Statements share a transaction if they are asked for in one turn of the
 * event loop, while the last transaction runs, or while the database opens.
 */
export function createGroupCommit({ inTurn, transact }: GroupCommitOptions): GroupCommit {
  let isScheduled = false;
  let waiting: Work[] = [];
  let waitingLast: Work[] = [];

  function enqueue(queue: Work[], build: Build): Promise<Row[][]> {
    return new Promise((resolve, reject) => {
      queue.push({ build, resolve, reject });
      if (isScheduled) return;
      isScheduled = true;
      void inTurn(transactNext);
    });
  }

  async function transactNext() {
    // Statements that this turn of the event loop still asks for belong to the same transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    let batch: Work[] = [];
    try {
      await transactAll(() => (batch = takeAll()));
    } catch (error) {
      // An empty batch means that the database could not be opened.
      if (batch.length === 0) batch = takeAll();
      batch.forEach(({ reject }) => reject(error));
    }
  }

  /** Called when the transaction begins, to include what arrived while the database opened. */
  function takeAll(): Work[] {
    const all = [...waiting, ...waitingLast];
    waiting = [];
    waitingLast = [];
    isScheduled = false;
    return all;
  }

  async function transactAll(take: () => Work[]) {
    let batch: Work[] = [];
    let parts: (readonly Statement[])[] = [];
    const results = await transact(() => {
      batch = take();
      parts = batch.map(({ build }) => build());
      return parts.flat();
    });
    let start = 0;
    batch.forEach(({ resolve }, index) => {
      const end = start + parts[index]!.length;
      resolve(results.slice(start, end));
      start = end;
    });
  }

  return {
    run: (build) => enqueue(waiting, build),
    runLast: (build) => enqueue(waitingLast, build),
  };
}
