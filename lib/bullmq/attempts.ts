/** The part of BullMQ's Job that counts attempts. */
export interface CountedJob {
  readonly attemptsMade: number;
  readonly stalledCounter: number;
  readonly progress: unknown;
}

/** Number of the attempt that a job is at, from 1. */
export function attemptOf({ attemptsMade, stalledCounter, progress }: CountedJob): number {
  // BullMQ counts only the attempts that ended as made; it counts the others as stalled.
  return attemptsMade + stalledCounter - stalledBefore(progress) + 1;
}

/** Crashes before the job was last redriven. */
function stalledBefore(progress: unknown): number {
  const { stalledBefore } = Object(progress) as { stalledBefore?: unknown };
  return typeof stalledBefore === "number" ? stalledBefore : 0;
}
