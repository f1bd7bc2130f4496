import type { IQueueBackend } from "bullmq";

import { claimPlace } from "../inbox/durable/claim-place.js";
import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createOutageBuffer } from "../inbox/durable/outage-buffer.js";
import { createPassOn } from "../inbox/durable/pass-on.js";
import { createDeadLetters, guardDeadLetters } from "./dead-letters.js";
import type { Driver } from "./driver.js";
import type { Settings } from "./inbox-options.js";
import { createJobConsumption } from "./job-consumption.js";
import { createJobQueue, type PreparedJob } from "./job-queue.js";
import { createJobWorker } from "./job-worker.js";
import { createOpener } from "./open-jobs.js";

/**
 * Opens an inbox on a queue.
 *
 * @throws TypeError if another inbox of this process has the queue
 */
export function createInbox<Backend extends IQueueBackend, Connection>(
  driver: Driver<Backend, Connection>,
  settings: Settings,
): DurableInbox {
  const release = claimPlace("queueName", JSON.stringify([driver.place, settings.queueName]));
  try {
    return connectParts(driver, settings, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Connects a queue, a worker and an outage buffer. */
function connectParts<Backend extends IQueueBackend, Connection>(
  driver: Driver<Backend, Connection>,
  settings: Settings,
  release: () => void,
): DurableInbox {
  const { form, maxBuffered, lockDuration } = settings;
  const { openQueue, openWorker } = createOpener(driver, settings);
  let listener: (error: Error) => void = () => {};
  const report = (error: Error) => listener(error);
  // The buffer is made last, but the parts made before it report their trouble to it.
  const onTrouble = (error: unknown) => buffer.suspect(error);
  const isDown = () => buffer.isDown();

  const jobs = createJobQueue(openQueue, settings, {
    onTrouble,
    probeDelay: driver.probeDelay,
  });
  const consumption = createJobConsumption({
    startWorker: (handOver) =>
      createJobWorker(openWorker, { ...settings, handOver, onTrouble, report }),
    isDown,
  });
  const buffer = createOutageBuffer<PreparedJob>({
    engine: { ...jobs, ...driver, onOutage: consumption.rest, onRecovery: consumption.revive },
    maxBuffered,
    aftermath: lockDuration,
    passOn: createPassOn({
      read: ({ data }) => form.read(data, 1),
      handOver: consumption.handOver,
      report,
    }),
    report,
  });

  async function close() {
    const consumed = consumption.close();
    await buffer.close();
    await jobs.close(isDown());
    // Released before the hand-overs have settled, because a listener may never settle.
    release();
    await consumed;
  }

  return {
    accept: buffer.accept,
    consume: consumption.start,
    onError: (given) => void (listener = given),
    waiting: buffer.waiting,
    ready: buffer.ready,
    ...guardDeadLetters(createDeadLetters(() => jobs.current(), form)),
    close,
  };
}
