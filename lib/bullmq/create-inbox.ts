import type { IQueueBackend } from "bullmq";

import { inboxError, onUnheard } from "../errors.js";
import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createOutageBuffer } from "../inbox/durable/outage-buffer.js";
import type { HandOver } from "../inbox/inbox.js";
import { createDeadLetters } from "./dead-letters.js";
import type { Driver } from "./driver.js";
import type { Settings } from "./inbox-options.js";
import { createJobQueue, type PreparedJob } from "./job-queue.js";
import { createJobWorker, type JobWorker } from "./job-worker.js";
import { createOpener } from "./open-jobs.js";
import { claimQueue } from "./queue-registry.js";

const NO_LISTENER =
  "a notification can neither be stored nor wait, and this process has no listener";

/**
 * Connects a queue, a worker and an outage buffer to an inbox.
 *
 * @throws TypeError if another inbox of this process has the queue
 */
export function createInbox<Backend extends IQueueBackend, Connection>(
  driver: Driver<Backend, Connection>,
  settings: Settings,
): DurableInbox {
  const { form } = settings;
  const release = claimQueue(driver.place, settings.queueName);
  const { openQueue, openWorker } = createOpener(driver, settings);
  let report: (error: Error) => void = () => {};
  let consumer: { handOver: HandOver; worker: JobWorker } | undefined;
  let stopped: Promise<unknown> = Promise.resolve();
  const events = {
    onTrouble: (error: unknown) => buffer.suspect(error),
    report: (error: Error) => report(error),
  };
  const jobs = createJobQueue(openQueue, settings, events);
  const buffer = createOutageBuffer<PreparedJob>({
    engine: {
      ...jobs,
      ...driver,
      onOutage: () => consumer?.worker.rest(),
      onAnswer: () => consumer?.worker.revive(),
    },
    maxBuffered: settings.maxBuffered,
    aftermath: settings.lockDuration,
    passOn,
    report: events.report,
  });

  function passOn({ data }: PreparedJob, cause: unknown) {
    const read = form.read(data, 1);
    const isReadable = "message" in read;
    // Outside the engine there is no second attempt.
    if (consumer && isReadable) {
      return void consumer.handOver(read.message, read.delivery).catch(onUnheard(report));
    }
    report(inboxError(NO_LISTENER, cause, isReadable ? read.message : undefined));
  }

  function consume(handOver: HandOver): () => Promise<void> {
    const worker = createJobWorker(openWorker, { ...settings, ...events, handOver });
    consumer = { handOver, worker };
    if (buffer.isDown()) worker.rest();
    return function stop() {
      consumer = undefined;
      const stopping = worker.stop(buffer.isDown);
      stopped = Promise.all([stopped, stopping]);
      return stopping;
    };
  }

  async function close() {
    await Promise.all([buffer.close(), consumer?.worker.stop(buffer.isDown), stopped]);
    await jobs.close(buffer.isDown());
    release();
  }

  return {
    accept: buffer.accept,
    consume,
    onError: (listener) => void (report = listener),
    waiting: buffer.waiting,
    ready: buffer.ready,
    ...createDeadLetters(() => jobs.queue(), form),
    close,
  };
}
