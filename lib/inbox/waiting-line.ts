import { AsyncResource } from "node:async_hooks";
import { isDeepStrictEqual } from "node:util";

import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";

/** A notification with its delivery. */
export interface Arrival {
  readonly message: MessageNotification;
  readonly delivery: Delivery;
  /** Its place in the order of arrival. */
  readonly number: number;
}

/** An arrival, and its request's asynchronous context, which `AsyncLocalStorage` reads. */
export interface TakenArrival extends Arrival {
  readonly context: AsyncResource;
}

/** The notifications that no listener has been given yet, in order of arrival. */
export interface WaitingLine {
  /** Adds an arrival, or puts back one that was taken. */
  readonly add: (arrival: Arrival) => void;
  /** Takes the first; undefined if none waits. */
  readonly take: () => TakenArrival | undefined;
  /** Drops all that wait. */
  readonly clear: () => void;
  /** How many wait. */
  readonly count: () => number;
}

/** How many notifications may wait without a listener. */
const MOST_WAITING = 1_000;
/** How many bytes of text may wait without a listener. */
const MOST_BYTES = 64_000_000;

interface Waiting {
  readonly delivery: Delivery;
  readonly number: number;
  readonly bytes: number;
  readonly read: () => MessageNotification;
  readonly context: AsyncResource;
}

/**
 * Makes a waiting line that is bounded while it has no consumer.
 *
 * @param isHeard whether it has a consumer
 * @param drop receives each notification that does not fit (the newest if there are too many, the
 *   oldest if they take too many bytes) or still waits when the line is cleared
 */
export function createWaitingLine(
  isHeard: () => boolean,
  drop: (message: MessageNotification) => void,
): WaitingLine {
  const waiting: Waiting[] = [];
  let bytes = 0;

  function add(arrival: Arrival) {
    const entry = admit(arrival);
    if (!entry) return drop(arrival.message);
    // In order of arrival: one that is put back may be older than those that wait.
    const behind = waiting.findIndex(({ number }) => number > entry.number);
    waiting.splice(behind === -1 ? waiting.length : behind, 0, entry);
    bytes += entry.bytes;
    while (bytes > MOST_BYTES) dropFirst();
  }

  function admit(arrival: Arrival): Waiting | undefined {
    if (isHeard()) return entryOf(arrival, () => arrival.message, 0);
    return waiting.length < MOST_WAITING ? asText(arrival) : undefined;
  }

  function take(): TakenArrival | undefined {
    const next = waiting.shift();
    if (!next) return undefined;
    bytes -= next.bytes;
    const { delivery, number, context } = next;
    return { message: next.read(), delivery, number, context };
  }

  function dropFirst() {
    const { context, message } = take()!;
    context.runInAsyncScope(drop, undefined, message);
  }

  function clear() {
    while (waiting.length > 0) dropFirst();
  }

  return { add, take, clear, count: () => waiting.length };
}

function entryOf(
  { delivery, number }: Arrival,
  read: () => MessageNotification,
  bytes: number,
): Waiting {
  return { delivery, number, bytes, read, context: new AsyncResource("telesign-callback") };
}

/**
 * Keeps an arrival as text, since the parsed object can take twenty times as many bytes. Keeps the
 * object itself if JSON would change a value in it, such as a Date that a custom schema made.
 * Returns undefined if the object is nested too deep for JSON.
 */
function asText(arrival: Arrival): Waiting | undefined {
  const { message } = arrival;
  try {
    const text = JSON.stringify(message);
    const read = () => Object.freeze(JSON.parse(text) as MessageNotification);
    const isSame = isDeepStrictEqual({ ...read() }, { ...message });
    return entryOf(arrival, isSame ? read : () => message, Buffer.byteLength(text));
  } catch (error) {
    // JSON cannot hold a BigInt or a cycle, so the object itself waits.
    return error instanceof TypeError ? entryOf(arrival, () => message, 0) : undefined;
  }
}
