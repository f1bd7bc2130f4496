import timers from "node:timers";

/**
 * Node's timers as they were when this package was loaded. Fake timers that an app's test installs
 * later must not stop a delivery.
 */
export const { clearImmediate, clearTimeout, setImmediate, setTimeout } = timers;

/** The longest delay of one Node timer, in ms. With a longer one, the timer fires after 1 ms. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls back once after a delay of any length. Returns the function that cancels it. */
export function after(milliseconds: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  wait(milliseconds);
  return () => clearTimeout(timer);

  function wait(left: number) {
    const step = Math.min(left, LONGEST_TIMER);
    timer = setTimeout(() => (left > step ? wait(left - step) : callback()), step);
  }
}

/** What {@link within} rejects with when the time is up. */
export class DeadlineError extends Error {
  readonly code = "ETIMEDOUT";
}

/**
 * Settles as `work` does, or rejects with a {@link DeadlineError} after `milliseconds`. The work
 * then continues, and its outcome is ignored.
 */
export function within<T>(milliseconds: number, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(milliseconds, () => reject(new DeadlineError()));
    Promise.resolve(work).finally(cancel).then(resolve, reject);
  });
}
