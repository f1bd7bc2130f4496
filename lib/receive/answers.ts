import { setImmediate } from "../clock.js";

/** The answers being given, by `mo_reference_id`. Listeners wait for their message's answer. */
export interface Answers {
  /** Notes that a notification is being answered, until `left` resolves. */
  add(reference: string, left: Promise<void>): void;
  /** Resolves when all answers now being given to this notification have left, or cannot leave. */
  sent(reference: string | undefined): Promise<void>;
  /** How many notifications are being answered. */
  readonly count: () => number;
  /** Resolves when all answers now being given have left, or cannot leave. */
  readonly settled: () => Promise<void>;
}

const nothing = Promise.resolve();

/** Keeps the answers of one callback. */
export function createAnswers(): Answers {
  const pending = new Map<string, Promise<void>>();

  function add(reference: string, left: Promise<void>) {
    // A retry may arrive while the first delivery is being answered. The entry is then for both.
    const earlier = pending.get(reference);
    const all = earlier ? earlier.then(() => left) : left;
    pending.set(reference, all);
    void all.then(() => {
      if (pending.get(reference) === all) pending.delete(reference);
    });
  }

  function sent(reference: string | undefined) {
    // An error without a notification may still be about one whose answer leaves in this turn.
    if (reference === undefined) return new Promise<void>((resolve) => setImmediate(resolve));
    return pending.get(reference) ?? nothing;
  }

  async function settled() {
    await Promise.all(pending.values());
  }

  return { add, sent, count: () => pending.size, settled };
}
