import { isUnheard } from "../errors.js";
import { deadLetterError, type Failure } from "../inbox/durable/dead-letter.js";
import type { StoredForm } from "../inbox/durable/stored-notification.js";
import type { HandOver } from "../inbox/inbox.js";
import { attemptOf, type CountedJob } from "./attempts.js";
import { endConnection, hasClosed, type EngineConnection } from "./engine-connection.js";
import { HandOverError } from "./hand-over-error.js";

/** Delay, in ms, before another worker tries a job that this one leaves: it stops, or is too old for it. */
const POSTPONEMENT = 1_000;

/** The part of BullMQ's Job that is used. */
export interface Job extends CountedJob {
  readonly data: unknown;
  readonly failedReason?: string;
  readonly finishedOn?: number;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
}

/** The part of BullMQ's Worker that is used. */
export interface Worker {
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

/** Hands jobs over. Its worker is replaced if the engine was down when it started, or its connection ended. */
export interface JobWorker {
  /** To be called when the engine is down: BullMQ's worker would ask it without pause. */
  rest(): void;
  /** To be called when the engine answers again. */
  revive(): void;
  /** Starts no more hand-overs, and resolves when those under way have settled. */
  stop(isDown: () => boolean): Promise<void>;
}

/** How jobs are handed over. */
export interface JobWorkerOptions {
  readonly attempts: number;
  readonly form: StoredForm;
  readonly handOver: HandOver;
  readonly onTrouble: (error: unknown) => void;
  readonly report: (error: Error) => void;
}

/** Starts handing over at once. */
export function createJobWorker(openWorker: OpenWorker, options: JobWorkerOptions): JobWorker {
  const { process, running, stopStarting } = createProcessor(options);
  let isResting = false;
  let isStopping = false;
  let current = open();
  let stopped: Promise<void> | undefined;

  function open() {
    const opened = { ...openWorker(process), state: "opening" as WorkerState };
    opened.worker.on("error", fail);
    opened.worker.on("failed", (job, error) => reportDeadLetter(job, error));
    opened.connection.onEnd(() => onBroken(opened, new Error("the connection has ended")));
    // It must not run before it is ready. On PostgreSQL it remembers a failed connection for ever, and
    // would ask again and again without letting go of the event loop.
    opened.worker.waitUntilReady().then(
      () => {
        opened.state = "ready";
        if (!isResting && !isStopping) void opened.worker.resume();
      },
      (error: unknown) => onBroken(opened, error),
    );
    return opened;
  }

  function onBroken(opened: { state: WorkerState }, error: unknown) {
    opened.state = "broken";
    fail(error);
  }

  function fail(error: unknown) {
    if (!isStopping) options.onTrouble(error);
  }

  function reportDeadLetter(job: Job | undefined, error: Error) {
    if (job?.finishedOn === undefined) return;
    const read = options.form.read(job.data, attemptOf(job));
    const failure = error instanceof HandOverError ? error.failure : "cut short";
    options.report(deadLetterError(failure, "message" in read ? read.message : undefined));
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
    stopStarting();
    const { worker, connection, state } = current;
    await worker.pause(true);
    const closing = isDown() || state !== "ready" ? undefined : worker.close();
    do {
      await Promise.all(running);
      if (closing && (await hasClosed(closing))) return connection.sever();
    } while (running.size > 0);
    await abandon(current);
  }

  return { rest, revive, stop: (isDown) => (stopped ??= stop(isDown)) };
}

type WorkerState = "opening" | "ready" | "broken";

/** Makes the function that BullMQ calls for each job. */
function createProcessor({ attempts, form, handOver }: JobWorkerOptions) {
  const running = new Set<Promise<void>>();
  let isStopping = false;

  async function process(job: Job, token?: string) {
    const attempt = attemptOf(job);
    const read = form.read(job.data, attempt);
    if (isStopping) return postpone(job, token);
    if ("unreadable" in read) {
      if (read.unreadable === "newer") return postpone(job, token);
      throw giveUp(read.unreadable);
    }
    if (attempt > attempts && !isRetriedByHand(job)) throw giveUp("cut short");
    try {
      await track(handOver(read.message, read.delivery));
    } catch (cause) {
      // No listener has seen it, so this was no attempt.
      if (isUnheard(cause)) return await postpone(job, token);
      throw new HandOverError({ cause }, { isLast: attempt >= attempts });
    }
  }

  /** Lets `stop` wait for a hand-over. */
  async function track(work: Promise<void>) {
    const settled = work.catch(() => {});
    running.add(settled);
    await settled;
    running.delete(settled);
    return work;
  }

  return { process, running, stopStarting: () => (isStopping = true) };
}

function giveUp(failure: Failure): HandOverError {
  return new HandOverError(failure, { isLast: true });
}

async function postpone(job: Job, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + POSTPONEMENT, token);
  throw new PostponedError();
}

/** Ends a worker whose engine does not answer. Its own way to close would wait for it. */
async function abandon({ worker, connection }: OpenedWorker) {
  // BullMQ takes a client from a pool for a worker that is closed while it opens, and keeps it.
  if (!connection.isOurs) await hasClosed(worker.waitUntilReady());
  void worker.close(true);
  await endConnection(connection);
}

/** Bull Board leaves the counts of a job that it retries as they are, but clears the reason for its failure. */
function isRetriedByHand({ attemptsMade, failedReason }: Job): boolean {
  return attemptsMade > 0 && !failedReason;
}

/** BullMQ recognises its own errors by name. After this one it leaves the job where it was moved to. */
class PostponedError extends Error {
  override readonly name = "DelayedError";
}
