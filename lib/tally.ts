/** Counts work under way, so that a shutdown can wait for it. */
export interface Tally {
  begin(): void;
  end(): void;
  /** How much is under way. */
  count(): number;
  /** Resolves when nothing is. */
  idle(): Promise<void>;
}

export function createTally(): Tally {
  let underWay = 0;
  let wake = () => {};

  return {
    begin() {
      underWay += 1;
    },
    end() {
      underWay -= 1;
      if (underWay === 0) wake();
    },
    count: () => underWay,
    async idle() {
      while (underWay > 0) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}
