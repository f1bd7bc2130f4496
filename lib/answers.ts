import type { Rejection } from "./rejection.js";
import { createStage, inContext, soon } from "./stage.js";

/** What is answered: a notification, by its `mo_reference_id`, or a refusal. */
export type Answered = string | Rejection;

/** One answer on its way. */
export interface PendingAnswer {
  readonly answered: Answered;
  readonly callbacks: (() => void)[];
}

/** The answers under way, so that nobody's function runs before the answer that it is about is out. */
export interface Answers {
  /** Notes that an answer is being made. */
  begin(answered: Answered): PendingAnswer;
  /** Notes that it is out. */
  end(answer: PendingAnswer): void;
  /** Whether an answer is being made: to a notification, its first delivery's or a retry's. */
  isPending(answered: Answered): boolean;
  /** Calls back, never at once, when every such answer that is being made now is out. */
  whenOut(answered: Answered | undefined, callback: () => void): void;
  /** Resolves when no notification is being answered. */
  idle(): Promise<void>;
}

export function createAnswers(): Answers {
  const underWay = new Map<Answered, PendingAnswer[]>();
  // What was read from the sockets in one turn is answered in one go: after all of it.
  const end = createStage(soon, settle);
  let accepted = 0;
  let wake = () => {};

  function begin(answered: Answered) {
    const answer: PendingAnswer = { answered, callbacks: [] };
    const earlier = underWay.get(answered);
    // A retry may come in while the first delivery is being answered.
    if (earlier) earlier.push(answer);
    else underWay.set(answered, [answer]);
    if (typeof answered === "string") accepted += 1;
    return answer;
  }

  function settle(answer: PendingAnswer) {
    const { answered, callbacks } = answer;
    const others = underWay.get(answered)?.filter((other) => other !== answer) ?? [];
    if (others.length > 0) underWay.set(answered, others);
    else underWay.delete(answered);
    for (const callback of callbacks) callback();
    if (typeof answered === "string") accepted -= 1;
    if (accepted === 0) wake();
  }

  function whenOut(answered: Answered | undefined, callback: () => void) {
    const pending = answered === undefined ? [] : (underWay.get(answered) ?? []);
    const inOwnContext = inContext(callback);
    let left = pending.length;
    if (left === 0) soon(inOwnContext);
    for (const { callbacks } of pending) {
      callbacks.push(() => {
        left -= 1;
        if (left === 0) inOwnContext();
      });
    }
  }

  async function idle() {
    while (accepted > 0) await new Promise<void>((resolve) => (wake = resolve));
  }

  return { begin, end, isPending: (answered) => underWay.has(answered), whenOut, idle };
}
