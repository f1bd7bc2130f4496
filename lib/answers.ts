import type { Rejection } from "./rejection.js";
import { createStage } from "./stage.js";

// Taken at once: a consumer's fake timers, put in later, must not stop messages.
const nextTick = process.nextTick.bind(process);

/** What is answered: a notification, by its `mo_reference_id`, or a refusal. */
export type Answered = string | Rejection;

/** The answers under way, so that nobody's function runs before the answer that it is about is out. */
export interface Answers {
  /** Notes that an answer is being made. */
  begin(answered: Answered): void;
  /** Notes that it is out. */
  end(answered: Answered): void;
  /** Whether an answer is being made: to a notification, its first delivery's or a retry's. */
  isPending(answered: Answered): boolean;
  /** Calls back when no such answer is being made any more, never at once. */
  whenOut(answered: Answered | undefined, callback: () => void): void;
  /** Resolves when no answer at all is being made. */
  idle(): Promise<void>;
}

interface Pending {
  answers: number;
  readonly callbacks: (() => void)[];
}

export function createAnswers(): Answers {
  const underWay = new Map<Answered, Pending>();
  // What was read from the sockets in one turn is answered in one go: after all of it.
  const end = createStage(nextTick, settle);
  let wake = () => {};

  function begin(answered: Answered) {
    const pending = underWay.get(answered);
    // A retry may come in while the first delivery is being answered.
    if (pending) pending.answers += 1;
    else underWay.set(answered, { answers: 1, callbacks: [] });
  }

  function settle(answered: Answered) {
    const pending = underWay.get(answered);
    if (!pending || (pending.answers -= 1) > 0) return;
    underWay.delete(answered);
    for (const callback of pending.callbacks) callback();
    if (underWay.size === 0) wake();
  }

  function whenOut(answered: Answered | undefined, callback: () => void) {
    const pending = answered && underWay.get(answered);
    if (pending) pending.callbacks.push(callback);
    else nextTick(callback);
  }

  async function idle() {
    while (underWay.size > 0) await new Promise<void>((resolve) => (wake = resolve));
  }

  return { begin, end, isPending: (answered) => underWay.has(answered), whenOut, idle };
}
