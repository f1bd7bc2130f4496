/** What {@link within} rejects with. */
export class DeadlineError extends Error {
  static {
    this.prototype.name = "DeadlineError";
  }

  readonly code = "ETIMEDOUT";
}

/**
 * Settles as `work` does, or rejects with a {@link DeadlineError} after `milliseconds`. The work goes
 * on then, but how it ends concerns no one any more.
 */
export function within<T>(milliseconds: number, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError()), milliseconds);
    const settled = Promise.resolve(work).finally(() => clearTimeout(timer));
    settled.then(resolve, reject);
  });
}
