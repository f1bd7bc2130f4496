import type { Answers } from "./answers.js";
import type { Delivery } from "./delivery.js";
import { unheardError } from "./errors.js";
import type { HandOver } from "./inbox.js";
import type { Listeners } from "./listeners.js";
import type { MessageNotification } from "./notification.js";
import type { Tally } from "./tally.js";

/**
 * Makes the function that gives notifications to the `message` listeners: each after its own answer,
 * in the order of the calls. `running` counts those that wait or whose listeners have not settled.
 */
export function createHandOver(listeners: Listeners, answers: Answers, running: Tally): HandOver {
  let turn: Promise<void> | undefined;

  async function handOver(message: MessageNotification, delivery: Delivery) {
    running.begin();
    try {
      const answered = answers.pending(message);
      // Without a wait where there is none, so that an inbox that hands over what it had kept sees
      // between one and the next that the last listener has unsubscribed.
      if (answered ?? turn) await inTurn(answered);
      if (listeners.count("message") === 0) throw unheardError(message);
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

  return handOver;
}
