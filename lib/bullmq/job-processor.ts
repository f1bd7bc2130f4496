import { isUnheard } from "../errors.js";
import type { Failure } from "../inbox/durable/dead-letter.js";
import type { StoredForm } from "../inbox/durable/stored-notification.js";
import type { HandOver } from "../inbox/inbox.js";
import { HandOverError } from "./hand-over-error.js";

/** Delay, in ms, before a job that this worker cannot hand over may be taken again. */
const POSTPONEMENT = 1_000;

/** Name of the job that probes the engine. It is removed as soon as it is stored. */
export const CHECK = "check";

/** The part of BullMQ's Job that counts attempts. */
export interface CountedJob {
  readonly attemptsMade: number;
  readonly stalledCounter: number;
  readonly progress: unknown;
}

/** The part of BullMQ's Job that identifies it. */
export interface KeyedJob {
  readonly id?: string | undefined;
  readonly deduplicationId?: string | undefined;
}

/** The part of BullMQ's Job that is used. */
export interface Job extends CountedJob, KeyedJob {
  readonly name: string;
  readonly data: unknown;
  readonly failedReason?: string;
  readonly finishedOn?: number;
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
}

/** What BullMQ calls for each job. */
export type Processor = (job: Job, token?: string) => Promise<void>;

/** Hands jobs over. */
export interface JobProcessor {
  readonly process: Processor;
  /** The hand-overs under way. */
  readonly running: ReadonlySet<Promise<void>>;
  /** Leaves further jobs to other workers. */
  readonly stopStarting: () => void;
}

/** How jobs are handed over. */
export interface ProcessorOptions {
  readonly attempts: number;
  readonly form: StoredForm;
  readonly handOver: HandOver;
}

export function createProcessor({ attempts, form, handOver }: ProcessorOptions): JobProcessor {
  const running = new Set<Promise<void>>();
  let isStopping = false;

  async function process(job: Job, token?: string) {
    if (job.name === CHECK) return;
    const attempt = attemptOf(job);
    const read = form.read(job.data, attempt);
    if (isStopping) return postpone(job, token);
    if ("unreadable" in read) {
      if (read.unreadable === "newer") return postpone(job, token);
      throw giveUp(read.unreadable);
    }
    // Attempts count from 1. A job with a lower count would get more than `attempts` of them.
    if (!Number.isSafeInteger(attempt) || attempt < 1) throw giveUp("damaged");
    if (attempt > attempts && !isRetriedByHand(job)) throw giveUp("cut short");
    try {
      await track(handOver(read.message, read.delivery));
    } catch (cause) {
      // No listener has seen the notification, so this does not count as an attempt.
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

  return { process, running, stopStarting: () => void (isStopping = true) };
}

function giveUp(failure: Failure): HandOverError {
  return new HandOverError(failure, { isLast: true });
}

async function postpone(job: Job, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Date.now() + POSTPONEMENT, token);
  throw new PostponedError();
}

/**
 * Whether a person retried a job in Bull Board, a dashboard for BullMQ. Bull Board keeps the job's
 * counts, but clears its `failedReason`.
 */
function isRetriedByHand({ attemptsMade, failedReason }: Job): boolean {
  return attemptsMade > 0 && !failedReason;
}

/**
 * BullMQ recognises its own errors by name. After this one, it leaves the job where `moveToDelayed`
 * put it.
 */
class PostponedError extends Error {
  override readonly name = "DelayedError";
}

/** The number of a job's current or next attempt, from 1; any value if the job is damaged. */
export function attemptOf({ attemptsMade, stalledCounter, progress }: CountedJob): number {
  // `attemptsMade` counts the attempts that ended, `stalledCounter` those that a crash cut short.
  return attemptsMade + stalledCounter - stalledBefore(progress) + 1;
}

/** The key under which a job's reference is remembered. Jobs of other programs have only an id. */
export function keyOf({ deduplicationId, id }: KeyedJob): string {
  return deduplicationId ?? String(id);
}

/** Number of crashes before the job was last redriven. */
function stalledBefore(progress: unknown): number {
  const { stalledBefore } = Object(progress) as { stalledBefore?: unknown };
  return typeof stalledBefore === "number" ? stalledBefore : 0;
}
