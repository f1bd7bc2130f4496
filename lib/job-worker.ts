import { endConnection, hasEnded, type EngineConnection } from "./engine-connection.js";
import { TelesignCallbackError } from "./errors.js";
import type { HandOver } from "./inbox.js";
import { fromStored } from "./stored-notification.js";
import { createTally } from "./tally.js";

/** How long, in ms, until another worker tries what this one leaves: it stops, or is of an old release. */
const POSTPONEMENT = 1_000;

/** What is needed of BullMQ's Job. */
interface Job {
  readonly data: unknown;
  readonly attemptsMade: number;
  readonly stalledCounter: number;
  readonly failedReason?: string;
  readonly finishedOn?: number;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
}

/** What is needed of BullMQ's Worker. */
interface Worker {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "failed", listener: (job: Job | undefined, error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  pause(doNotWaitActive: boolean): Promise<void>;
  close(force?: boolean): Promise<void>;
}

export type Processor = (job: Job, token?: string) => Promise<void>;

/** A worker on connections of its own. */
export interface OpenedWorker {
  readonly worker: Worker;
  readonly connection: EngineConnection;
}

export type OpenWorker = (process: Processor) => OpenedWorker;

/** The way out: a worker, replaced if its engine was down when it started. */
export interface JobWorker {
  /** To be called when the engine is known to answer. */
  revive(): void;
  /** Starts no more hand-overs, and resolves when those under way have settled. */
  stop(isDown: () => boolean): Promise<void>;
}

interface JobWorkerEvents {
  readonly onTrouble: (error: unknown) => void;
  readonly report: (error: Error) => void;
}

/** Starts handing over at once. */
export function createJobWorker(
  openWorker: OpenWorker,
  { attempts }: { readonly attempts: number },
  handOver: HandOver,
  { onTrouble, report }: JobWorkerEvents,
): JobWorker {
  const running = createTally();
  let isStopping = false;
  let isBroken = false;
  let current = open();
  let stopped: Promise<void> | undefined;

  function open() {
    const opened = openWorker(process);
    opened.worker.on("error", fail);
    opened.worker.on("failed", reportDeadLetter);
    opened.worker.waitUntilReady().catch((error: unknown) => {
      // On PostgreSQL a worker keeps this rejection for ever.
      isBroken = true;
      fail(error);
    });
    return opened;
  }

  function fail(error: unknown) {
    if (!isStopping) onTrouble(error);
  }

  async function process(job: Job, token?: string) {
    // BullMQ counts by itself only the attempts that came to an end.
    const attempt = job.attemptsMade + job.stalledCounter + 1;
    const stored = fromStored(job.data, attempt);
    if (isStopping || !stored) {
      await job.moveToDelayed(Date.now() + POSTPONEMENT, token);
      throw new PostponedError();
    }
    if (attempt > attempts && !isRetriedByHand(job)) throw new HandOverError({ isLast: true });
    running.begin();
    try {
      await handOver(stored.message, stored.delivery);
    } catch (cause) {
      throw new HandOverError({ isLast: attempt >= attempts, cause });
    } finally {
      running.end();
    }
  }

  function reportDeadLetter(job: Job | undefined, error: Error) {
    if (job?.finishedOn === undefined) return;
    const text =
      `a notification was handed over ${attempts} times in vain; ` +
      "it stays among the failed jobs for 30 days, from where it can be retried";
    const notification = fromStored(job.data, attempts)?.message;
    const cause = error instanceof HandOverError && "cause" in error ? { cause: error.cause } : {};
    report(new TelesignCallbackError("ERR_DEAD_LETTER", text, { ...cause, notification }));
  }

  function revive() {
    if (!isBroken || isStopping) return;
    isBroken = false;
    void abandon(current);
    current = open();
  }

  async function stop(isDown: () => boolean) {
    isStopping = true;
    const { worker, connection } = current;
    await worker.pause(true);
    const closing = isDown() || isBroken ? undefined : worker.close();
    do {
      await running.idle();
      if (closing && (await hasEnded(closing))) return connection.sever();
    } while (running.count() > 0);
    await abandon(current);
  }

  return { revive, stop: (isDown) => (stopped ??= stop(isDown)) };
}

/** Ends a worker whose engine does not answer: its own goodbye would wait for it. */
async function abandon({ worker, connection }: OpenedWorker) {
  void worker.close(true);
  await endConnection(connection);
}

/** Bull Board leaves the counts of a job that it retries as they are, but clears the reason it failed for. */
function isRetriedByHand({ attemptsMade, failedReason }: Job): boolean {
  return attemptsMade > 0 && !failedReason;
}

/** BullMQ knows its own errors by their names: after this one, the job is where it was moved to. */
class PostponedError extends Error {
  override readonly name = "DelayedError";
}

/** What BullMQ stores of a failed attempt; the listener's own error may say anything, and stays here. */
class HandOverError extends Error {
  constructor({ isLast, ...details }: { isLast: boolean; cause?: unknown }) {
    super("cause" in details ? `a listener failed${kindOf(details.cause)}` : CUT_SHORT, details);
    // The name by which BullMQ knows that there is no next attempt.
    if (isLast) this.name = "UnrecoverableError";
  }
}

const CUT_SHORT = "the last attempt did not end: its process died, or was silent for too long";

/** The name and code of an error, where they are words that a program chose. */
function kindOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  const kinds: unknown[] = [cause.name, "code" in cause ? cause.code : undefined];
  const words = kinds.filter((kind) => typeof kind === "string" && /^[A-Za-z]\w{0,59}$/.test(kind));
  return words.length > 0 ? `: ${words.join(" ")}` : "";
}
