import { clearTimeout, setTimeout } from "./clock.js";

/** What {@link within} rejects with. */
export class DeadlineError extends Error {
  readonly code = "ETIMEDOUT";
}

/**
 * Settles as `work` does, or rejects with a {@link DeadlineError} after `milliseconds`. The work goes
 * on then, but how it ends concerns no one any more.
 */
export function within<T>(milliseconds: number, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError()), milliseconds);
    Promise.resolve(work)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
