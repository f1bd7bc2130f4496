import { AsyncResource } from "node:async_hooks";

import type { Answers } from "./answers.js";
import type { Delivery } from "./delivery.js";
import { unheardError } from "./errors.js";
import type { HandOver } from "./inbox.js";
import type { Listeners } from "./listeners.js";
import type { MessageNotification } from "./notification.js";
import type { Tally } from "./tally.js";

/** A notification's place in the line of those that wait for their answers. */
interface Place {
  isAnswered: boolean;
  start: () => void;
}

/**
 * Makes the function that gives notifications to the `message` listeners: each after its own answer,
 * in the order of the calls. `running` counts those that wait or whose listeners have not settled.
 */
export function createHandOver(listeners: Listeners, answers: Answers, running: Tally): HandOver {
  const line: Place[] = [];

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
    const place = { isAnswered: false, start };
    line.push(place);
    answers.whenOut(reference, () => {
      place.isAnswered = true;
      // Whoever is ahead will call it, from within another request.
      if (line[0] !== place) place.start = AsyncResource.bind(start);
      while (line[0] && isDue(line[0])) line.shift()?.start();
    });
  }

  /** With nobody left to hear them, all go back to the inbox, or they would come after those that did. */
  function isDue({ isAnswered }: Place) {
    return isAnswered || listeners.count("message") === 0;
  }

  return handOver;
}
