import { randomUUID } from "node:crypto";

import { DEAD_LETTER_AGE } from "../inbox/durable/dead-letter.js";
import type { Engine } from "../inbox/durable/engine.js";
import type { StoredForm, StoredNotification } from "../inbox/durable/stored-notification.js";
import type { Storable } from "../inbox/durable/waiting-room.js";
import { TelesignCallbackError } from "../errors.js";
import { referenceKey } from "../inbox/reference-key.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";
import { createAdder, type AddingQueue } from "./adder.js";
import type { DeadLetterQueue, DeadLetterStore } from "./dead-letters.js";
import { endConnection, hasClosed, type EngineConnection } from "./engine-connection.js";
import { CHECK } from "./job-processor.js";

/**
 * Old dead letters (at most `limit` at a time) and expired references are deleted when a queue is
 * ready, and then every `interval` ms.
 */
const SWEEP = { interval: 3_600_000, limit: 10_000 };

const JOB_OPTIONS = {
  backoff: { type: "exponential", delay: 1_000, jitter: 0.2 },
  removeOnComplete: true,
  removeOnFail: { age: DEAD_LETTER_AGE / 1_000 },
  // A stack begins with the text of an error, which may repeat a message.
  stackTraceLimit: 0,
};

interface JobOptions {
  readonly jobId: string;
  readonly attempts: number;
  readonly deduplication: { readonly id: string; readonly ttl: number };
  readonly delay?: number;
}

/** The part of BullMQ's Queue that is used. */
export interface Queue extends DeadLetterQueue, AddingQueue<typeof JOB_OPTIONS & JobOptions> {
  clean(grace: number, limit: number, type: "failed"): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** A queue on its own connection. */
export interface OpenedQueue extends DeadLetterStore {
  readonly queue: Queue;
  readonly connection: EngineConnection;
  /** Deletes the references that have expired, unless the engine itself does so. */
  readonly prune: () => Promise<unknown>;
}

export type OpenQueue = () => OpenedQueue;

/** A notification to add. */
export interface PreparedJob extends Storable {
  readonly jobId: string;
  readonly data: StoredNotification;
}

/** Adds notifications to a queue, which is replaced when its connection fails. */
export interface JobQueue extends Pick<
  Engine<PreparedJob>,
  "prepare" | "store" | "check" | "reconnect"
> {
  /**
   * The queue that is in use now.
   *
   * @throws TelesignCallbackError once the inbox is closed
   */
  current(): OpenedQueue;
  close(isDown: boolean): Promise<void>;
}

/** How notifications are stored. */
export interface JobQueueSettings {
  readonly attempts: number;
  readonly dedupeTtl: number;
  readonly form: StoredForm;
}

/** What a queue needs from the rest of the inbox. */
interface JobQueueNeeds {
  readonly onTrouble: (error: unknown) => void;
  /** Delay of the job that probes the engine, in ms. */
  readonly probeDelay: number;
}

/** Opens the queue now, to notice at once if the engine is down or not set up. */
export function createJobQueue(
  openQueue: OpenQueue,
  { attempts, dedupeTtl, form }: JobQueueSettings,
  { onTrouble, probeDelay }: JobQueueNeeds,
): JobQueue {
  const add = createAdder();
  let isClosed = false;
  let current = open();
  const sweeping = setInterval(() => void sweep(current), SWEEP.interval).unref();

  function open() {
    const opened = openQueue();
    const fail = (error: unknown) => {
      if (opened === current && !isClosed) onTrouble(error);
    };
    opened.queue.on("error", fail);
    opened.queue.waitUntilReady().then(() => sweep(opened), fail);
    return opened;
  }

  function prepare(message: MessageNotification, delivery: Delivery): PreparedJob {
    const reference = referenceKey(message.mo_reference_id);
    const data = form.write(message, delivery);
    return { jobId: randomUUID(), reference, data, size: sizeOf(data) };
  }

  async function store(job: PreparedJob) {
    const { jobId, reference } = job;
    const deduplication = { id: reference, ttl: dedupeTtl };
    return add(current.queue, job, { ...JOB_OPTIONS, attempts, jobId, deduplication });
  }

  function reconnect() {
    void endConnection(current.connection);
    current = open();
  }

  async function close(isDown: boolean) {
    isClosed = true;
    clearInterval(sweeping);
    const { queue, connection } = current;
    if (isDown || !(await hasClosed(queue.close()))) await endConnection(connection);
    connection.destroy();
  }

  function openedNow() {
    if (isClosed) throw new TelesignCallbackError("ERR_INBOX", "the inbox is closed");
    return current;
  }

  const check = () => addAndRemove(current.queue, probeDelay);
  return { prepare, store, check, reconnect, current: openedNow, close };
}

/** Checks the engine with a write, because one that responds may still refuse to store. */
async function addAndRemove(queue: Queue, delay: number) {
  const jobId = randomUUID();
  const deduplication = { id: jobId, ttl: 1 };
  try {
    await queue.add(CHECK, {}, { ...JOB_OPTIONS, attempts: 1, delay, jobId, deduplication });
  } catch (error) {
    // The job may be stored. Its removal may wait for a connection, but the error must not.
    queue.remove(jobId).catch(() => {});
    throw error;
  }
  await queue.remove(jobId);
}

async function sweep({ queue, prune }: OpenedQueue) {
  try {
    await queue.clean(DEAD_LETTER_AGE, SWEEP.limit, "failed");
    await prune();
  } catch {
    // Tried again next time. If the engine is down, other parts of the inbox report it.
  }
}

function sizeOf(data: StoredNotification): number {
  return Buffer.byteLength(data.v === 1 ? data.notification : data.sealed);
}
