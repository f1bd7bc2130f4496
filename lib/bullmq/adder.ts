import { bareError } from "../errors.js";
import type { StoredNotification } from "../inbox/durable/stored-notification.js";
import type { Outcome } from "../inbox/inbox.js";

/** The part of BullMQ's Queue that adds a job, and reports what became of it. */
export interface AddingQueue<Options> {
  add(name: string, data: object, options: Options): Promise<{ id?: string | undefined }>;
  getJobState(jobId: string): Promise<string>;
  getJob(jobId: string): Promise<unknown>;
  remove(jobId: string): Promise<unknown>;
  getDeduplicationJobId(id: string): Promise<string | null | undefined>;
  removeDeduplicationKey(id: string): Promise<unknown>;
}

/** A job to add. With the same `jobId` it is stored once, however often it is added. */
interface NewJob {
  readonly jobId: string;
  readonly reference: string;
  readonly data: StoredNotification;
}

/** Redis's codes if its user may not run a command of a script: before release 7.2, and since. */
const FORBIDDEN: readonly unknown[] = ["ERR", "NOPERM"];

/**
 * Makes the function that adds jobs. Redis does not undo a script that fails halfway: it may keep a
 * partial job, which BullMQ treats as a whole one but never hands over. So partial jobs are found
 * and removed before a job is added again or counts as a duplicate.
 */
export function createAdder() {
  /** The result of a job's last `add`: refused by Redis ("forbidden"), or not known ("open"). */
  const failed = new WeakMap<NewJob, "forbidden" | "open">();

  return async function add<Options>(
    queue: AddingQueue<Options>,
    job: NewJob,
    options: Options,
  ): Promise<Outcome> {
    const { jobId, reference, data } = job;
    const earlier = failed.get(job);
    failed.set(job, "open");
    try {
      const isGone = earlier !== undefined && (await removeRemains(queue, jobId)) === "none";
      // A reference without its job means that the job was handed over, or was never stored.
      if (isGone && earlier === "forbidden") await removeReference(queue, jobId, reference);
      for (;;) {
        // BullMQ returns the job that has the reference: this one, or an earlier one.
        const id = String((await queue.add("notification", data, options)).id);
        if (id === jobId) return "accepted";
        if ((await removeRemains(queue, id)) !== "removed") return "duplicate";
      }
    } catch (error) {
      const { name, code } = bareError(error);
      const isForbidden = name === "ReplyError" && FORBIDDEN.includes(code);
      if (isForbidden && earlier !== "open") failed.set(job, "forbidden");
      throw error;
    }
  };
}

/** Removes a job of which only a part was stored: no list contains it, so it has no state. */
async function removeRemains<Options>(
  queue: AddingQueue<Options>,
  id: string,
): Promise<"removed" | "none" | "whole"> {
  if ((await queue.getJobState(id)) !== "unknown") return "whole";
  // In this order, because a job that completes meanwhile loses its state and the rest in one step.
  if (!(await queue.getJob(id))) return "none";
  await queue.remove(id);
  return "removed";
}

async function removeReference<Options>(
  queue: AddingQueue<Options>,
  jobId: string,
  reference: string,
) {
  // By now another process's job may have this reference.
  if ((await queue.getDeduplicationJobId(reference)) !== jobId) return;
  await queue.removeDeduplicationKey(reference);
}
