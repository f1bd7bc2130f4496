import type { AsyncResource } from "node:async_hooks";

import { setImmediate } from "../clock.js";
import type { Rejection } from "./rejection.js";
import { createStage, inThisContext, soon } from "../stage.js";

/** What is answered: a notification, by its `mo_reference_id`, or a refusal. */
export type Answered = string | Rejection;

/** One answer on its way. */
export interface PendingAnswer {
  readonly context: AsyncResource;
  readonly answered: Answered;
  /** Counts up from the first that this callback began. */
  readonly number: number;
  /** All that are under way to the same notification, this one included. */
  readonly group: Group;
}

/** The answers under way to one notification, and who waits for them, each in the order of its coming. */
interface Group {
  readonly pending: PendingAnswer[];
  readonly waiting: { readonly last: number; readonly callback: () => void }[];
}

/** The answers under way, so that nobody's function runs before the answer that it is about is out. */
export interface Answers {
  /** Notes that an answer is being made, to the request with this context. */
  begin(answered: Answered, context: AsyncResource): PendingAnswer;
  /** Notes that it is out. */
  end(answer: PendingAnswer): void;
  /** Calls back, never at once, when every such answer that is being made now is out. */
  whenOut(answered: Answered | undefined, callback: () => void): void;
  /** Resolves when no notification is being answered. */
  idle(): Promise<void>;
}

export function createAnswers(): Answers {
  const underWay = new Map<Answered | undefined, Group>();
  // What was read from the sockets in one turn is answered in one go: after all of it.
  const end = createStage(soon, settle);
  let begun = 0;
  let accepted = 0;
  let wake = () => {};

  function begin(answered: Answered, context: AsyncResource) {
    // A retry may come in while the first delivery is being answered.
    const group = underWay.get(answered) ?? { pending: [], waiting: [] };
    begun += 1;
    const answer: PendingAnswer = { answered, context, number: begun, group };
    if (group.pending.push(answer) === 1) underWay.set(answered, group);
    if (typeof answered === "string") accepted += 1;
    return answer;
  }

  function settle(answer: PendingAnswer) {
    const { pending, waiting } = answer.group;
    const index = pending.indexOf(answer);
    // A host may say twice that it is out.
    if (index === -1) return;
    pending.splice(index, 1);
    if (pending.length === 0) underWay.delete(answer.answered);
    const oldest = pending[0]?.number ?? Infinity;
    while (waiting[0] && waiting[0].last < oldest) waiting.shift()?.callback();
    if (typeof answer.answered === "string") accepted -= 1;
    wake();
  }

  function whenOut(answered: Answered | undefined, callback: () => void) {
    const group = underWay.get(answered);
    // What concerns no notification may be about one whose answer goes out in this turn.
    if (!group) return (answered === undefined ? setImmediate : soon)(callback);
    const { pending, waiting } = group;
    const last = pending[pending.length - 1]!;
    // Or it would be called within the request whose answer goes out last.
    waiting.push({ last: last.number, callback: inThisContext(callback) });
  }

  async function idle() {
    while (accepted > 0) await new Promise<void>((resolve) => (wake = resolve));
  }

  return { begin, end, whenOut, idle };
}
