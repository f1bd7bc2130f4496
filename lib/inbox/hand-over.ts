import type { Answers } from "../receive/answers.js";
import type { Delivery } from "../receive/delivery.js";
import { unheardError } from "../errors.js";
import type { HandOver } from "./inbox.js";
import type { Listeners } from "../listeners.js";
import type { MessageNotification } from "../receive/notification.js";
import { inThisContext } from "../stage.js";
import type { Tally } from "../tally.js";

/** A notification's place in the line of those that wait for their answers. */
interface Place {
  isAnswered: boolean;
  readonly start: () => void;
  next?: Place;
}

/**
 * Makes the function that gives notifications to the `message` listeners: each after its own answer,
 * in the order of the calls. `running` counts those that wait or whose listeners have not settled.
 */
export function createHandOver(listeners: Listeners, answers: Answers, running: Tally): HandOver {
  // Linked: to shift an array of more than some 16,000 moves all of it.
  let first: Place | undefined;
  let last: Place | undefined;

  function handOver(message: MessageNotification, delivery: Delivery): Promise<void> {
    const reference = message.mo_reference_id;
    running.begin();
    const done = new Promise<void>((resolve, reject) => {
      const start = () => {
        if (listeners.count("message") === 0) settle([unheardError(message)]);
        else listeners.emit("message", [message, delivery], settle);
      };
      const settle = (failures: readonly unknown[]) => {
        running.end();
        if (failures.length === 0) return resolve();
        // It is reported: an inbox that does not ask must not end the process.
        done.catch(() => {});
        reject(failures[0]);
      };
      queue(reference, start);
    });
    return done;
  }

  function queue(reference: string, start: () => void) {
    // Whoever is ahead may call it, from within another request.
    const place: Place = { isAnswered: false, start: inThisContext(start) };
    if (last) last.next = place;
    else first = place;
    last = place;
    answers.whenOut(reference, () => {
      place.isAnswered = true;
      while (first && isDue(first)) {
        const due = first;
        first = due.next;
        if (!first) last = undefined;
        due.start();
      }
    });
  }

  /** With nobody left to hear them, all go back to the inbox, or they would come after those that did. */
  function isDue({ isAnswered }: Place) {
    return isAnswered || listeners.count("message") === 0;
  }

  return handOver;
}
