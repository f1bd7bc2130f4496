// Places in use in this process. Several processes may share one.
const inUse = new Set<string>();

/**
 * Claims the place where an inbox stores its notifications. If two callbacks of a process shared
 * it, one that verifies no signatures could hand notifications to the listeners of one that does.
 *
 * @returns the function that releases the place
 * @throws TypeError naming the option, if another inbox of this process has the place
 */
export function claimPlace(option: "file" | "queueName", place: string): () => void {
  const key = `${option} ${place}`;
  if (inUse.has(key)) {
    throw new TypeError(
      `${option} is in use by another inbox of this process; give each callback its own, ` +
        "or close the other one first",
    );
  }
  inUse.add(key);
  let isHeld = true;
  return function release() {
    // Only once, because another inbox may have claimed the place since.
    if (isHeld) inUse.delete(key);
    isHeld = false;
  };
}
