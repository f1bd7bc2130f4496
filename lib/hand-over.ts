import type { Delivery } from "./delivery.js";
import { unheardError } from "./errors.js";
import type { HandOver } from "./inbox.js";
import type { Listeners } from "./listeners.js";
import type { MessageNotification } from "./notification.js";
import type { Tally } from "./tally.js";

/** Gives notifications to the `message` listeners: each after its own answer, in the order of the calls. */
export interface HandOvers {
  readonly handOver: HandOver;
  /** Lets the listeners of this notification wait for its answer, until the result is called. */
  readonly holdBack: (message: MessageNotification) => () => void;
}

/** Makes the hand-over of one callback. `running` counts those that wait or whose listeners have not settled. */
export function createHandOvers(listeners: Listeners, running: Tally): HandOvers {
  const answers = new Map<string, Promise<void>>();
  let turn: Promise<void> | undefined;

  function holdBack({ mo_reference_id }: MessageNotification) {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    answers.set(mo_reference_id, answered);

    return function release() {
      // A simultaneous retry may be held back by now.
      if (answers.get(mo_reference_id) === answered) answers.delete(mo_reference_id);
      answer();
    };
  }

  async function handOver(message: MessageNotification, delivery: Delivery) {
    running.begin();
    try {
      const answered = answers.get(message.mo_reference_id);
      // Without a wait where there is none, so that an inbox that hands over what it had kept sees
      // between one and the next that the last listener has unsubscribed.
      if (answered ?? turn) await inTurn(answered);
      if (listeners.count("message") === 0) throw unheard(message);
      const failures = await listeners.emit("message", message, delivery);
      if (failures.length > 0) throw failures[0];
    } finally {
      running.end();
    }
  }

  /** Awaits the answer, and those who came earlier and await theirs. */
  async function inTurn(answered: Promise<void> | undefined) {
    const mine = Promise.all([turn, answered]).then(() => {});
    turn = mine;
    await mine;
    if (turn === mine) turn = undefined;
  }

  function unheard(message: MessageNotification) {
    const error = unheardError(message);
    listeners.report(error);
    return error;
  }

  return { handOver, holdBack };
}
