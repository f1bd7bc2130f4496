/** Counts work under way, so that others can wait for it. */
export interface UnderWay {
  /** Notes that something has begun. Returns the function to call when it has ended. */
  readonly begin: () => () => void;
  /** How many things have begun and not ended. */
  readonly count: () => number;
  /** Resolves when everything that has begun by now has ended, even if more begins. */
  readonly settled: () => Promise<void>;
}

/** What began between two calls of `settled`. */
interface Batch {
  count: number;
  onEmpty: () => void;
}

/** Makes a counter for one kind of work. */
export function createUnderWay(): UnderWay {
  let batch: Batch = { count: 0, onEmpty() {} };
  let earlier = Promise.resolve();
  let count = 0;

  function begin() {
    const mine = batch;
    mine.count += 1;
    count += 1;
    return function end() {
      mine.count -= 1;
      count -= 1;
      if (mine.count === 0) mine.onEmpty();
    };
  }

  function settled() {
    const mine = batch;
    if (mine.count > 0) {
      const before = earlier;
      earlier = new Promise<void>((resolve) => (mine.onEmpty = resolve)).then(() => before);
      batch = { count: 0, onEmpty() {} };
    }
    return earlier;
  }

  return { begin, count: () => count, settled };
}
