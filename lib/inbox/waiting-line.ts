import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";

/** A notification with its delivery. */
export interface Arrival {
  readonly message: MessageNotification;
  readonly delivery: Delivery;
}

/** The notifications that no listener has been given yet, in order of arrival. */
export interface WaitingLine {
  add(arrival: Arrival): void;
  /** Puts one that was taken before ahead of those that were not. */
  giveBack(arrival: Arrival): void;
  /** Takes the first; undefined if none waits. */
  take(): Arrival | undefined;
  readonly count: () => number;
}

/** How many notifications may wait without a listener. */
const MOST_WAITING = 1_000;
/** How many bytes of text may wait without a listener. */
const MOST_BYTES = 64_000_000;

interface Waiting {
  readonly delivery: Delivery;
  readonly bytes: number;
  readonly read: () => MessageNotification;
}

/**
 * Makes a line that is bounded while nobody takes from it.
 *
 * @param isHeard whether somebody takes from it
 * @param drop takes a notification for which there is no room
 */
export function createWaitingLine(
  isHeard: () => boolean,
  drop: (message: MessageNotification) => void,
): WaitingLine {
  // Goes first: it was taken before everything in `waiting` arrived.
  const givenBack: Waiting[] = [];
  const waiting: Waiting[] = [];
  let bytes = 0;

  const count = () => givenBack.length + waiting.length;

  function join(queue: Waiting[], arrival: Arrival) {
    if (isHeard()) {
      queue.push({ delivery: arrival.delivery, bytes: 0, read: () => arrival.message });
      return;
    }
    const entry = count() < MOST_WAITING ? asText(arrival) : undefined;
    if (!entry) return drop(arrival.message);
    queue.push(entry);
    bytes += entry.bytes;
    while (bytes > MOST_BYTES) drop(take()!.message);
  }

  function take(): Arrival | undefined {
    const next = givenBack.shift() ?? waiting.shift();
    if (!next) return undefined;
    bytes -= next.bytes;
    return { message: next.read(), delivery: next.delivery };
  }

  return {
    add: (arrival) => join(waiting, arrival),
    giveBack: (arrival) => join(givenBack, arrival),
    take,
    count,
  };
}

/** As text, since a parsed object can take twenty times its bytes. Undefined if it is nested too deep. */
function asText({ message, delivery }: Arrival): Waiting | undefined {
  try {
    const text = JSON.stringify(message);
    const read = () => Object.freeze(JSON.parse(text) as MessageNotification);
    return { delivery, bytes: Buffer.byteLength(text), read };
  } catch {
    return undefined;
  }
}
