import { unheardError } from "../errors.js";
import type { Listeners } from "../listeners.js";
import type { Answers } from "../receive/answers.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";
import type { Counts } from "../stats.js";
import { traced } from "../tracing.js";
import type { UnderWay } from "../under-way.js";
import type { HandOver } from "./inbox.js";

/** A notification's place in the line of those that wait for their answers. */
interface Place {
  isDue: boolean;
  readonly begin: (isHeard: boolean) => void;
}

/** What the hand-over works with. */
export interface HandOverParts {
  readonly listeners: Listeners;
  readonly answers: Answers;
  readonly underWay: UnderWay;
  readonly counts: Counts;
}

/**
 * Makes the function that hands notifications to the `message` listeners: each after its own
 * answer, and in the order of the calls. Each waits in its own `await`, which keeps the context of
 * its call, so that listeners find the app's `AsyncLocalStorage`.
 */
export function createHandOver({ listeners, answers, underWay, counts }: HandOverParts) {
  const line: Place[] = [];
  let running = 0;
  const emitMessage = traced((...arrival) => listeners.emit("message", ...arrival));

  const handOver: HandOver = (message, delivery) => {
    const done = afterAnswer(message, delivery);
    // An inbox that ignores the rejection must not end the process.
    done.catch(() => {});
    return done;
  };

  async function afterAnswer(message: MessageNotification, delivery: Delivery) {
    const { mo_reference_id: reference } = message;
    const end = underWay.begin();
    try {
      const isHeard = await turn(reference);
      if (!isHeard || listeners.count("message") === 0) throw unheardError(message);
      running += 1;
      const failures = await emitMessage(message, delivery);
      running -= 1;
      counts[failures.length > 0 ? "failed" : "delivered"] += 1;
      if (failures.length > 0) throw failures[0];
    } finally {
      end();
    }
  }

  /**
   * Resolves to true when a notification is first in line and its answer has left, or to false when
   * no listener is left.
   */
  function turn(reference: string) {
    return new Promise<boolean>((begin) => {
      const place = { isDue: false, begin };
      line.push(place);
      void answers.sent(reference).then(() => {
        place.isDue = true;
        advance();
      });
    });
  }

  function advance() {
    // Without a listener all return to the inbox together, through the error that afterAnswer
    // throws, so that none overtakes another.
    const isHeard = listeners.count("message") > 0;
    while (line[0] && (line[0].isDue || !isHeard)) line.shift()?.begin(isHeard);
  }

  return { handOver, advance, running: () => running, waiting: () => line.length };
}
