/** Counts work under way, so that others can wait for it. */
export interface UnderWay {
  /** Notes that something has begun. Returns the function to call when it has ended. */
  readonly begin: () => () => void;
  readonly count: () => number;
  /** Resolves when everything that has begun by now has ended, whatever begins meanwhile. */
  readonly settled: () => Promise<void>;
}

export function createUnderWay(): UnderWay {
  // In order of their beginning, as a Set keeps it.
  const running = new Set<number>();
  let waiting: (() => void)[] = [];
  let begun = 0;

  function begin() {
    begun += 1;
    const number = begun;
    running.add(number);
    return function end() {
      running.delete(number);
      const woken = waiting;
      if (woken.length > 0) waiting = [];
      for (const wake of woken) wake();
    };
  }

  function oldest(): number {
    for (const number of running) return number;
    return Infinity;
  }

  async function settled() {
    const last = begun;
    while (oldest() <= last) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  return { begin, count: () => running.size, settled };
}
