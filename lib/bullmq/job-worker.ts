import { endConnection, hasEnded, type EngineConnection } from "./engine-connection.js";
import { bareError, isUnheard, TelesignCallbackError } from "../errors.js";
import type { HandOver } from "../inbox/inbox.js";
import { createStoredForm } from "../inbox/durable/stored-notification.js";
import { createUnderWay } from "../under-way.js";

/** How long, in ms, until another worker tries what this one leaves: it stops, or is of an old release. */
const POSTPONEMENT = 1_000;

const storedForm = createStoredForm();

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
  resume(): Promise<void>;
  close(force?: boolean): Promise<void>;
}

export type Processor = (job: Job, token?: string) => Promise<void>;

/** A worker on connections of its own. */
export interface OpenedWorker {
  readonly worker: Worker;
  readonly connection: EngineConnection;
}

/** Opens a worker that does not run yet. */
export type OpenWorker = (process: Processor) => OpenedWorker;

/** The way out: a worker, replaced if its engine was down when it started. */
export interface JobWorker {
  /** To be called when the engine is known to be down. A worker asks one that refuses without pause. */
  rest(): void;
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
  const running = createUnderWay();
  let isResting = false;
  let isStopping = false;
  let current = open();
  let stopped: Promise<void> | undefined;

  function open() {
    const opened = { ...openWorker(process), state: "opening" as WorkerState };
    const { worker } = opened;
    worker.on("error", fail);
    worker.on("failed", reportDeadLetter);
    // It must not run before. On PostgreSQL it keeps a rejection for ever, and running it would ask
    // again and again without once letting go of the event loop.
    worker.waitUntilReady().then(
      () => {
        opened.state = "ready";
        if (!isResting && !isStopping) void worker.resume();
      },
      (error: unknown) => {
        opened.state = "broken";
        fail(error);
      },
    );
    return opened;
  }

  function fail(error: unknown) {
    if (!isStopping) onTrouble(error);
  }

  async function process(job: Job, token?: string) {
    // BullMQ counts by itself only the attempts that came to an end.
    const attempt = job.attemptsMade + job.stalledCounter + 1;
    const stored = storedForm.read(job.data, attempt);
    if (isStopping || "unreadable" in stored) return postpone(job, token);
    if (attempt > attempts && !isRetriedByHand(job)) throw new HandOverError({ isLast: true });
    running.begin();
    try {
      await handOver(stored.message, stored.delivery);
    } catch (cause) {
      // No listener has seen it, so this was no attempt.
      if (isUnheard(cause)) return await postpone(job, token);
      throw new HandOverError({ isLast: attempt >= attempts, cause });
    } finally {
      running.end();
    }
  }

  function reportDeadLetter(job: Job | undefined, error: Error) {
    if (job?.finishedOn === undefined) return;
    const text =
      "every attempt to hand a notification over has failed; " +
      "it stays among the failed jobs for 30 days, from where it can be retried";
    const stored = storedForm.read(job.data, attempts);
    const notification = "message" in stored ? stored.message : undefined;
    const cause = error instanceof HandOverError && "cause" in error ? { cause: error.cause } : {};
    report(new TelesignCallbackError("ERR_DEAD_LETTER", text, { ...cause, notification }));
  }

  function rest() {
    isResting = true;
    void current.worker.pause(true);
  }

  function revive() {
    isResting = false;
    if (isStopping) return;
    if (current.state === "ready") void current.worker.resume();
    if (current.state !== "broken") return;
    void abandon(current);
    current = open();
  }

  async function stop(isDown: () => boolean) {
    isStopping = true;
    const { worker, connection, state } = current;
    await worker.pause(true);
    const closing = isDown() || state !== "ready" ? undefined : worker.close();
    do {
      await running.idle();
      if (closing && (await hasEnded(closing))) return connection.sever();
    } while (running.count() > 0);
    await abandon(current);
  }

  return { rest, revive, stop: (isDown) => (stopped ??= stop(isDown)) };
}

async function postpone(job: Job, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + POSTPONEMENT, token);
  throw new PostponedError();
}

type WorkerState = "opening" | "ready" | "broken";

/** Ends a worker whose engine does not answer: its own goodbye would wait for it. */
async function abandon({ worker, connection }: OpenedWorker) {
  // BullMQ takes a client from a pool for a worker that is closed while it opens, and keeps it.
  if (!connection.isOurs) await hasEnded(worker.waitUntilReady());
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
  const { name, code = "" } = bareError(cause);
  const words = [name, code].filter((kind) => /^[A-Za-z]\w{0,59}$/.test(kind));
  return words.length > 0 ? `: ${words.join(" ")}` : "";
}
