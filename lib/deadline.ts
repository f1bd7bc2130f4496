/**
 * Settles as `work` does, or rejects with the code `ETIMEDOUT` after `milliseconds`. The work goes on
 * then, but how it ends concerns no one any more.
 */
export function within<T>(milliseconds: number, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(expire, milliseconds);
    Promise.resolve(work)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
