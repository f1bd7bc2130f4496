// In this process. Between processes a shared queue is what it is for.
const inUse = new Set<string>();

/**
 * Claims a queue for one inbox. If two callbacks of a process shared it, one that verifies no
 * signatures would hand its notifications to the listeners of one that does.
 *
 * @returns the function that gives the queue back
 * @throws TypeError if another inbox of this process has it
 */
export function claimQueue(place: string, queueName: string): () => void {
  const key = JSON.stringify([place, queueName]);
  if (inUse.has(key)) {
    throw new TypeError(
      "queueName is in use by another inbox of this process; give each callback a queue, " +
        "or close the other one first",
    );
  }
  inUse.add(key);
  return () => void inUse.delete(key);
}
