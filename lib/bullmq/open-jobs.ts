import { Queue, Worker, type IQueueBackend } from "bullmq";

import { LONGEST_TIMER } from "../clock.js";
import { RETRY_INTERVAL, type Driver } from "./driver.js";
import type { EngineConnection } from "./engine-connection.js";
import type { Settings } from "./inbox-options.js";
import type { OpenQueue } from "./job-queue.js";
import type { OpenWorker } from "./job-worker.js";
import { tolerateDamage } from "./tolerant-job.js";

/** Opens the queues and the workers of one inbox. */
export function createOpener<Backend extends IQueueBackend, Connection>(
  driver: Driver<Backend, Connection>,
  settings: Settings,
): { openQueue: OpenQueue; openWorker: OpenWorker } {
  const { queueName, telemetry } = settings;
  const shared = telemetry ? { telemetry } : {};

  const openQueue: OpenQueue = () => {
    const { made, ...ends } = driver.open((connection) =>
      tolerateDamage(new Queue(queueName, { ...shared, connection }, driver.backend)),
    );
    const backend = made.getBackend();
    return {
      queue: made,
      connection: connectionOf(made, ends),
      prune: () => driver.prune(backend, queueName),
      discard: (jobId) => driver.discard(backend, queueName, jobId),
    };
  };

  const openWorker: OpenWorker = (process) => {
    const options = { ...shared, ...workerOptions(settings) };
    const { made, ...ends } = driver.open((connection) =>
      tolerateDamage(new Worker(queueName, process, { ...options, connection }, driver.backend)),
    );
    unrefLockRenewal(made);
    return { worker: made, connection: connectionOf(made, ends) };
  };

  function connectionOf(
    made: { getBackend(): Backend },
    ends: Omit<EngineConnection, "backend" | "ownsConnections">,
  ): EngineConnection {
    return { backend: made.getBackend(), ownsConnections: driver.ownsConnections, ...ends };
  }

  return { openQueue, openWorker };
}

/** A listener that never settles must not keep the process alive. BullMQ has no option for this. */
function unrefLockRenewal(worker: object) {
  let timer: NodeJS.Timeout | undefined;
  Object.defineProperty(Object(Reflect.get(worker, "lockManager")), "lockRenewalTimer", {
    get: () => timer,
    set: (next?: NodeJS.Timeout) => (timer = next?.unref()),
  });
}

function workerOptions({ attempts, concurrency, lockDuration }: Settings) {
  return {
    concurrency,
    lockDuration,
    lockRenewTime: Math.min(lockDuration / 2, LONGEST_TIMER),
    // BullMQ needs two checks to notice a crash. With four in each `lockDuration`, it does so in
    // less than twice that time.
    stalledInterval: Math.min(Math.ceil(lockDuration / 4), LONGEST_TIMER),
    // The job processor counts attempts itself. This limit only ends jobs whose process dies before
    // they reach the processor, and redriven jobs, whose earlier crashes BullMQ still counts.
    maxStalledCount: attempts,
    runRetryDelay: RETRY_INTERVAL,
    autorun: false,
  };
}
