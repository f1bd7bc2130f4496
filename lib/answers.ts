import { AsyncResource } from "node:async_hooks";

import type { Rejection } from "./rejection.js";
import { createStage, soon } from "./stage.js";

/** What is answered: a notification, by its `mo_reference_id`, or a refusal. */
export type Answered = string | Rejection;

/** One answer on its way. */
export interface PendingAnswer {
  readonly context: AsyncResource;
  readonly answered: Answered;
  readonly callbacks: (() => void)[];
  /** All that are under way to the same notification, this one included. */
  readonly all: PendingAnswer[];
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
  const underWay = new Map<Answered | undefined, PendingAnswer[]>();
  // What was read from the sockets in one turn is answered in one go: after all of it.
  const end = createStage(soon, settle);
  let accepted = 0;
  let wake = () => {};

  function begin(answered: Answered, context: AsyncResource) {
    // A retry may come in while the first delivery is being answered.
    const all = underWay.get(answered) ?? [];
    const answer: PendingAnswer = { answered, context, callbacks: [], all };
    if (all.push(answer) === 1) underWay.set(answered, all);
    if (typeof answered === "string") accepted += 1;
    return answer;
  }

  function settle(answer: PendingAnswer) {
    const { answered, callbacks, all } = answer;
    all.splice(all.indexOf(answer), 1);
    if (all.length === 0) underWay.delete(answered);
    for (const callback of callbacks) callback();
    if (typeof answered === "string") accepted -= 1;
    wake();
  }

  function whenOut(answered: Answered | undefined, callback: () => void) {
    const pending = underWay.get(answered) ?? [];
    if (pending.length === 0) soon(callback);
    else if (pending.length === 1) pending[0]?.callbacks.push(callback);
    else whenAllOut([...pending], AsyncResource.bind(callback));
  }

  function whenAllOut(pending: PendingAnswer[], callback: () => void) {
    let left = pending.length;
    for (const { callbacks } of pending) {
      callbacks.push(() => {
        left -= 1;
        if (left === 0) callback();
      });
    }
  }

  async function idle() {
    while (accepted > 0) await new Promise<void>((resolve) => (wake = resolve));
  }

  return { begin, end, whenOut, idle };
}
