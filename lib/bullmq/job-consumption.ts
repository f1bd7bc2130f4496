import type { HandOver } from "../inbox/inbox.js";
import type { JobWorker } from "./job-worker.js";

/** Hands notifications over in this process, while it has a listener. */
export interface JobConsumption {
  /** Starts handing over. Returns the function that stops it. */
  readonly start: (handOver: HandOver) => () => Promise<void>;
  /** The hand-over to this process's listeners; undefined while there is none. */
  readonly handOver: () => HandOver | undefined;
  /** Hands over nothing more until `revive`. See {@link JobWorker}. */
  readonly rest: () => void;
  /** Hands over again. */
  readonly revive: () => void;
  /** Resolves when every hand-over has settled. */
  readonly close: () => Promise<void>;
}

/** What {@link createJobConsumption} needs. */
export interface JobConsumptionOptions {
  readonly startWorker: (handOver: HandOver) => JobWorker;
  readonly isDown: () => boolean;
}

export function createJobConsumption({
  startWorker,
  isDown,
}: JobConsumptionOptions): JobConsumption {
  let active: { readonly handOver: HandOver; readonly worker: JobWorker } | undefined;
  let stopped: Promise<unknown> = Promise.resolve();

  function start(handOver: HandOver): () => Promise<void> {
    const worker = startWorker(handOver);
    active = { handOver, worker };
    if (isDown()) worker.rest();
    return function stop() {
      active = undefined;
      const stopping = worker.stop(isDown);
      stopped = Promise.all([stopped, stopping]);
      return stopping;
    };
  }

  async function close() {
    await Promise.all([active?.worker.stop(isDown), stopped]);
  }

  return {
    start,
    handOver: () => active?.handOver,
    rest: () => active?.worker.rest(),
    revive: () => active?.worker.revive(),
    close,
  };
}
