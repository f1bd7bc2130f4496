/** Counts work under way, so that a shutdown can wait for it. */
export interface UnderWay {
  readonly begin: () => void;
  readonly end: () => void;
  readonly count: () => number;
  /** Resolves when nothing is under way. */
  readonly idle: () => Promise<void>;
}

export function createUnderWay(): UnderWay {
  const waiting: (() => void)[] = [];
  let underWay = 0;

  return {
    begin() {
      underWay += 1;
    },
    end() {
      underWay -= 1;
      if (underWay === 0) for (const wake of waiting.splice(0)) wake();
    },
    count: () => underWay,
    async idle() {
      while (underWay > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}
