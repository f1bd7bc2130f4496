import { Job } from "bullmq";

type FromJson = typeof Job.fromJSON;

/**
 * A job whose data may be damaged. BullMQ's own Job throws at data that is not JSON, so that such a
 * job could not be handed over, fail or be listed.
 */
class TolerantJob extends Job {
  static override fromJSON: FromJson = (queue, json, jobId) =>
    super.fromJSON(queue, isJson(json.data) ? json : { ...json, data: "null" }, jobId);
}

/** Lets a queue or a worker read jobs whose data is damaged. It becomes `null`. */
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
