import { createHash, randomUUID } from "node:crypto";

import type { Delivery } from "../receive/delivery.js";
import { endConnection, hasEnded, type EngineConnection } from "./engine-connection.js";
import type { MessageNotification } from "../receive/notification.js";
import type { Engine } from "../inbox/durable/outage-buffer.js";
import { createStoredForm, type StoredNotification } from "../inbox/durable/stored-notification.js";

/** How long, in ms, dead letters are kept. */
const DEAD_LETTER_AGE = 30 * 86_400_000;
/** How often, in ms, what has expired is deleted, and how much at a time. */
const SWEEP = { interval: 3_600_000, limit: 10_000 };
const storedForm = createStoredForm();
/** No notification has it; see {@link deduplicationId}. */
const NO_REFERENCE = "(none)";

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
}

/** What is needed of BullMQ's Queue. */
interface Queue {
  add(
    name: string,
    data: StoredNotification,
    options: typeof JOB_OPTIONS & JobOptions,
  ): Promise<{ id?: string | undefined }>;
  removeDeduplicationKey(id: string): Promise<unknown>;
  clean(grace: number, limit: number, type: "failed"): Promise<unknown>;
  waitUntilReady(): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** A queue on a connection of its own. */
export interface OpenedQueue {
  readonly queue: Queue;
  readonly connection: EngineConnection;
  /** Deletes the references that are remembered no longer, where the engine does not. */
  readonly prune: () => Promise<unknown>;
}

export type OpenQueue = () => OpenedQueue;

/** A notification as `add` takes it; with the same `jobId` it is stored once, however often it is asked. */
export interface PreparedJob {
  readonly jobId: string;
  readonly reference: string;
  readonly data: StoredNotification;
}

/** The way in: a queue, replaced when its connection fails. */
export interface JobQueue extends Omit<
  Engine<PreparedJob>,
  "ownsConnections" | "onOutage" | "onAnswer"
> {
  close(isDown: boolean): Promise<void>;
}

/** Opens the queue at once, so that an engine that is down or not set up shows at once. */
export function createJobQueue(
  openQueue: OpenQueue,
  { attempts, dedupeTtl }: { readonly attempts: number; readonly dedupeTtl: number },
  { onTrouble }: { readonly onTrouble: (error: unknown) => void },
): JobQueue {
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

  async function sweep({ queue, prune }: OpenedQueue) {
    try {
      await queue.clean(DEAD_LETTER_AGE, SWEEP.limit, "failed");
      await prune();
    } catch {
      // Next time. If the engine is down, others say so.
    }
  }

  function prepare(message: MessageNotification, delivery: Delivery): PreparedJob {
    const reference = deduplicationId(message.mo_reference_id);
    return { jobId: randomUUID(), reference, data: storedForm.write(message, delivery) };
  }

  async function store({ jobId, reference, data }: PreparedJob) {
    const deduplication = { id: reference, ttl: dedupeTtl };
    const options = { ...JOB_OPTIONS, attempts, jobId, deduplication };
    const job = await current.queue.add("notification", data, options);
    // It answers with the job that has the reference, be it this one or an earlier one.
    return job.id === jobId ? "accepted" : "duplicate";
  }

  /** A write, since an engine may be read-only. */
  async function check() {
    await current.queue.removeDeduplicationKey(NO_REFERENCE);
  }

  function reconnect() {
    void endConnection(current.connection);
    current = open();
  }

  async function close(isDown: boolean) {
    isClosed = true;
    clearInterval(sweeping);
    const { queue, connection } = current;
    if (isDown || !(await hasEnded(queue.close()))) await endConnection(connection);
    connection.sever();
  }

  return { prepare, store, check, reconnect, describeMisconfiguration, close };
}

/** A user's own schema may let references through that PostgreSQL cannot hold in a text. */
function deduplicationId(reference: string): string {
  if (/^[\w-]{1,128}$/.test(reference)) return reference;
  return createHash("sha256").update(reference).digest("base64url");
}

// As BullMQ and PostgreSQL say it: no schema, no function, no table.
const MISCONFIGURATIONS: readonly unknown[] = ["SchemaMigrationRequiredError", "42883", "42P01"];

/** With a pool of the user's own the schema is the user's, too. */
function describeMisconfiguration(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const signs = [error.name, "code" in error ? error.code : undefined];
  if (!signs.some((sign) => MISCONFIGURATIONS.includes(sign))) return undefined;
  return (
    "the pool finds no BullMQ schema; call runMigrations of bullmq once, and give the pool the " +
    'option "-c search_path=bullmq". Until then listeners of this process get notifications at once'
  );
}
