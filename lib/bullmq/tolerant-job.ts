import { Job } from "bullmq";

type FromJson = typeof Job.fromJSON;

/**
 * BullMQ's own way to extend its Job. Its Job throws at data that is not JSON, before anybody sees the
 * job: then it can neither be handed over, nor fail, nor be listed.
 */
class TolerantJob extends Job {
  static override fromJSON: FromJson = (queue, json, jobId) =>
    super.fromJSON(queue, isJson(json.data) ? json : { ...json, data: "null" }, jobId);
}

/** Lets a queue or a worker read jobs whose data was damaged. They hold `null` then. */
export function tolerateDamage<T extends object>(made: T): T {
  return Object.defineProperty(made, "Job", { value: TolerantJob });
}

function isJson(data: string): boolean {
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}
