import { ErrorCode } from "bullmq";

import { within } from "../clock.js";
import { inboxError, TelesignCallbackError } from "../errors.js";
import { checkReference } from "../inbox/durable/dead-letter.js";
import type {
  DeadLetter,
  DeadLettersOptions,
  DurableInbox,
} from "../inbox/durable/durable-inbox.js";
import type { StoredForm } from "../inbox/durable/stored-notification.js";
import { referenceKey } from "../inbox/reference-key.js";
import { refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import { parseFailure } from "./hand-over-error.js";
import { attemptOf, keyOf, type CountedJob, type KeyedJob } from "./job-processor.js";

/** How long an operator's call may take, in ms. */
const CALL_DEADLINE = 10_000;
/** Number of failed jobs that are read at a time. */
const PAGE = 500;

/** The part of BullMQ's Job that is used for a dead letter. */
export interface DeadLetterJob extends CountedJob, KeyedJob {
  readonly data: unknown;
  readonly finishedOn?: number | undefined;
  readonly failedReason: string;
  updateProgress(progress: object): Promise<void>;
  retry(state: "failed", options: object): Promise<void>;
}

/** The part of BullMQ's Queue that is used for dead letters. */
export interface DeadLetterQueue {
  getJobs(
    types: "failed",
    start: number,
    end: number,
    isAscending: boolean,
  ): Promise<DeadLetterJob[]>;
}

/** Where dead letters are kept. */
export interface DeadLetterStore {
  readonly queue: DeadLetterQueue;
  /** Deletes a failed job. False if none has that id. */
  readonly discard: (jobId: string) => Promise<boolean>;
}

/** The dead letters of an inbox: the failed jobs of its queue. */
export type DeadLetters = Pick<DurableInbox, "deadLetters" | "redrive" | "discard">;

export function createDeadLetters(store: () => DeadLetterStore, form: StoredForm): DeadLetters {
  async function deadLetters(options: Readonly<DeadLettersOptions> = {}): Promise<DeadLetter[]> {
    refuseUnknownAndUndefined(options, ["limit"]);
    const limit = wholeNumber("limit", options.limit ?? 100);
    const jobs = await store().queue.getJobs("failed", 0, limit - 1, true);
    return jobs.map(toDeadLetter);
  }

  function toDeadLetter(job: DeadLetterJob): DeadLetter {
    const error = parseFailure(job.failedReason);
    // BullMQ's last attempt does not count if it reached no listener: a `DeadLetterError` says so.
    const count = attemptOf(job) - (error.name === "DeadLetterError" ? 2 : 1);
    const attempts = Number.isSafeInteger(count) && count > 0 ? count : 0;
    const read = form.read(job.data, Math.max(attempts, 1));
    const message = "message" in read ? read.message : undefined;
    return {
      message,
      reference: message?.mo_reference_id ?? keyOf(job),
      attempts,
      failedAt: new Date(Number(job.finishedOn)),
      error,
    };
  }

  async function redrive(reference: string): Promise<boolean> {
    return changeAll(reference, redriveJob);
  }

  async function discard(reference: string): Promise<boolean> {
    return changeAll(reference, (job) => store().discard(String(job.id)));
  }

  async function redriveJob(job: DeadLetterJob): Promise<boolean> {
    try {
      // BullMQ does not reset the count of crashes, so note how many there were.
      await job.updateProgress({ stalledBefore: job.stalledCounter });
      await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
      return true;
    } catch (error) {
      // Another call was faster.
      if (hasNotFailed(error)) return false;
      throw error;
    }
  }

  /** A reference has several dead letters if it came again after it was forgotten. */
  async function changeAll(reference: string, change: (job: DeadLetterJob) => Promise<boolean>) {
    const changed = await Promise.all((await findAll(reference)).map(change));
    return changed.includes(true);
  }

  async function findAll(reference: string): Promise<DeadLetterJob[]> {
    checkReference(reference);
    // A notification that cannot be read is listed by its key.
    const keys = [reference, referenceKey(reference)];
    const found: DeadLetterJob[] = [];
    for (let start = 0; ; start += PAGE) {
      const jobs = await store().queue.getJobs("failed", start, start + PAGE - 1, true);
      if (jobs.length === 0) return found;
      found.push(...jobs.filter((job) => keys.includes(keyOf(job))));
    }
  }

  return { deadLetters, redrive, discard };
}

/** Makes an operator's calls reject with an `ERR_INBOX` if the engine fails or takes too long. */
export function guardDeadLetters(unguarded: DeadLetters): DeadLetters {
  return {
    deadLetters: (options) => guard(unguarded.deadLetters(options)),
    redrive: (reference) => guard(unguarded.redrive(reference)),
    discard: (reference) => guard(unguarded.discard(reference)),
  };
}

async function guard<T>(call: Promise<T>): Promise<T> {
  try {
    return await within(CALL_DEADLINE, call);
  } catch (error) {
    if (error instanceof TypeError || error instanceof TelesignCallbackError) throw error;
    // An engine's own error contains the command, which may repeat a text.
    throw inboxError("the inbox's engine failed", error);
  }
}

/** Whether BullMQ's error says that a job is gone, or is no longer among the failed ones. */
function hasNotFailed(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return code === ErrorCode.JobNotExist || code === ErrorCode.JobNotInState;
}
