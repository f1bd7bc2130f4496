import { after } from "../clock.js";
import { deadLetterError } from "../inbox/durable/dead-letter.js";
import { endConnection, hasClosed, type EngineConnection } from "./engine-connection.js";
import { HandOverError } from "./hand-over-error.js";
import {
  attemptOf,
  createProcessor,
  keyOf,
  type Job,
  type Processor,
  type ProcessorOptions,
} from "./job-processor.js";

/** How long a worker pauses after an error, in ms. */
const PAUSE = 100;

/** The part of BullMQ's Worker that is used. */
export interface Worker {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "failed", listener: (job: Job | undefined, error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  pause(doNotWaitActive: boolean): Promise<void>;
  resume(): Promise<void>;
  close(force?: boolean): Promise<void>;
}

/** A worker on its own connections. */
export interface OpenedWorker {
  readonly worker: Worker;
  readonly connection: EngineConnection;
}

/** Opens a worker that does not run yet. */
export type OpenWorker = (process: Processor) => OpenedWorker;

/** Hands jobs over. Replaces BullMQ's worker if that could not connect, or its connection ended. */
export interface JobWorker {
  /** Call it when the engine is down: BullMQ's worker would query the engine without a pause. */
  rest(): void;
  /** Call it when the engine answers again. */
  revive(): void;
  /** Starts no more hand-overs, and resolves when those under way have settled. */
  stop(isDown: () => boolean): Promise<void>;
}

/** How jobs are handed over. */
export interface JobWorkerOptions extends ProcessorOptions {
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
    return watch(openWorker(process), {
      onReady: run,
      onTrouble: (worker, error) => {
        pause(worker);
        if (!isStopping) options.onTrouble(error);
      },
      onFailed: (job, error) => reportDeadLetter(options, job, error),
    });
  }

  function run(worker: Worker) {
    const isFit = worker === current.worker && current.state() === "ready";
    if (isFit && !isResting && !isStopping) void worker.resume();
  }

  /** Pauses after an error: BullMQ would retry at once, and block the event loop. */
  function pause(worker: Worker) {
    if (current.state() !== "ready") return;
    void worker.pause(true);
    after(PAUSE, () => run(worker));
  }

  function rest() {
    isResting = true;
    void current.worker.pause(true);
  }

  function revive() {
    isResting = false;
    if (isStopping) return;
    run(current.worker);
    if (current.state() !== "broken") return;
    void abandon(current);
    current = open();
  }

  async function stop(isDown: () => boolean) {
    isStopping = true;
    stopStarting();
    const { worker, connection, state } = current;
    await worker.pause(true);
    // A listener that never settles must not keep the process alive.
    connection.unref?.();
    const closing = isDown() || state() !== "ready" ? undefined : worker.close();
    do {
      await Promise.all(running);
      if (closing && (await hasClosed(closing))) return connection.destroy();
    } while (running.size > 0);
    await abandon(current);
  }

  return { rest, revive, stop: (isDown) => (stopped ??= stop(isDown)) };
}

/** What happens to a worker. */
interface WorkerEvents {
  readonly onReady: (worker: Worker) => void;
  readonly onTrouble: (worker: Worker, error: unknown) => void;
  readonly onFailed: (job: Job | undefined, error: Error) => void;
}

/** Watches over a worker that was just opened. */
function watch(opened: OpenedWorker, { onReady, onTrouble, onFailed }: WorkerEvents) {
  const { worker, connection } = opened;
  let state: "opening" | "ready" | "broken" = "opening";

  function onBroken(error: unknown) {
    state = "broken";
    onTrouble(worker, error);
  }

  worker.on("error", (error) => onTrouble(worker, error));
  worker.on("failed", onFailed);
  connection.onEnd(() => onBroken(new Error("the connection has ended")));
  // A worker must not run before it is ready. On PostgreSQL it would keep using a connection that
  // failed, without a pause, and block the event loop.
  worker.waitUntilReady().then(() => {
    state = "ready";
    onReady(worker);
  }, onBroken);
  return { worker, connection, state: () => state };
}

function reportDeadLetter(options: JobWorkerOptions, job: Job | undefined, error: Error) {
  if (job?.finishedOn === undefined) return;
  const read = options.form.read(job.data, attemptOf(job));
  const failure = error instanceof HandOverError ? error.failure : "cut short";
  const message = "message" in read ? read.message : undefined;
  options.report(deadLetterError(failure, keyOf(job), message));
}

/** Ends a worker whose engine does not answer. An ordinary `close()` would wait for the engine. */
async function abandon({ worker, connection }: OpenedWorker) {
  // If a worker is closed while it opens, BullMQ takes a client from the pool and never returns it.
  if (!connection.ownsConnections) await hasClosed(worker.waitUntilReady());
  void worker.close(true);
  await endConnection(connection);
}
