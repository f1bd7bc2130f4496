import { Job } from "bullmq";

type FromJson = typeof Job.fromJSON;

/**
 * A job whose data may be damaged. BullMQ's own Job throws if the data is not JSON, so such a job
 * could neither be listed nor become a dead letter.
 */
class TolerantJob extends Job {
  static override fromJSON: FromJson = (queue, json, jobId) =>
    super.fromJSON(queue, isJson(json.data) ? json : { ...json, data: "null" }, jobId);
}

/** Lets a queue or a worker read jobs whose data is damaged. Such data becomes `null`. */
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
