import { LRUCache } from "lru-cache";

import type { Delivery } from "../receive/delivery.js";
import { isUnheard, unheardError } from "../errors.js";
import type { HandOver, Inbox, Outcome } from "./inbox.js";
import type { MessageNotification } from "../receive/notification.js";
import { refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import { soon } from "../stage.js";

/** How much the memory inbox remembers, and for how long. */
export interface MemoryInboxOptions {
  /**
   * How many references are remembered. Must hold the messages of one retry window, about 60 s: the
   * oldest goes first, whatever the `ttl`. Full, the default holds 15 MB.
   * @default 100_000
   */
  max?: number;
  /**
   * How long a reference is remembered, in milliseconds.
   * @default 600_000
   */
  ttl?: number;
}

/** What `accept` was given. */
type Arrival = [message: MessageNotification, delivery: Delivery];

const MAX_WAITING = 1_000;

/** V8 cannot hold more in a Map, and ends the process when asked to. */
const LARGEST_MAP = 2 ** 24;

/**
 * The default inbox: an LRU keyed by `mo_reference_id`, in this process only. Nothing outlives the
 * process, and of two processes each hands on its own copy. Listeners are started in order of
 * arrival; one that fails is reported, not retried.
 *
 * What arrives while nobody listens to `message` waits, up to 1,000 notifications. Each one beyond
 * that, and each that still waits at `close()`, is an `ERR_NO_LISTENER` error that carries it.
 *
 * @throws TypeError if an option is bad or unknown
 */
export function memoryInbox(options: Readonly<MemoryInboxOptions> = {}): Inbox {
  refuseUnknownAndUndefined(options, ["max", "ttl"]);
  const { max = 100_000, ttl = 600_000 } = options;
  const seen = new LRUCache<string, true>({
    max: wholeNumber("max", max, LARGEST_MAP),
    ttl: wholeNumber("ttl", ttl),
  });
  const waiting: Arrival[] = [];
  // Was handed over, but the last listener left before its turn came: goes ahead of those who wait.
  const returned: Arrival[] = [];
  let handOver: HandOver | undefined;
  let isDraining = false;
  let isClosed = false;
  // Until somebody asks for trouble it is thrown, which the caller of `accept` and `close` handles.
  let report = (error: Error): void => {
    throw error;
  };

  const kept = () => waiting.length + returned.length;

  function accept(message: MessageNotification, delivery: Delivery): Outcome {
    if (seen.has(message.mo_reference_id)) return "duplicate";
    seen.set(message.mo_reference_id, true);
    if (handOver && kept() === 0) give([message, delivery], handOver);
    else keep([message, delivery], waiting);
    return "accepted";
  }

  function consume(consumer: HandOver): () => Promise<void> {
    handOver = consumer;
    drainSoon();
    return function stop() {
      handOver = undefined;
      return Promise.resolve();
    };
  }

  /** Not now: a listener that has just subscribed could not unsubscribe yet. */
  function drainSoon(): void {
    if (isDraining) return;
    isDraining = true;
    soon(() => {
      isDraining = false;
      // One by one: a listener may leave after its first, and what was given by then comes back.
      if (giveNext()) drainSoon();
    });
  }

  /** False when none waits, or when the last listener has left; the rest goes on waiting then. */
  function giveNext(): boolean {
    const next = handOver && (returned.shift() ?? waiting.shift());
    if (handOver && next) give(next, handOver);
    return next !== undefined;
  }

  function give(arrival: Arrival, consumer: HandOver): void {
    consumer(...arrival).catch((error: unknown) => {
      // A listener's failure was reported with it, and there is no second attempt here.
      if (!isUnheard(error)) return;
      keep(arrival, returned);
      drainSoon();
    });
  }

  function keep(arrival: Arrival, queue: Arrival[]): void {
    const hasRoom = handOver !== undefined || kept() < MAX_WAITING;
    if (hasRoom && !isClosed) queue.push(arrival);
    else report(unheardError(arrival[0]));
  }

  function close(): Promise<void> {
    while (giveNext());
    isClosed = true;
    for (const [message] of [...returned, ...waiting]) report(unheardError(message));
    return Promise.resolve();
  }

  function onError(listener: (error: Error) => void): void {
    report = listener;
  }

  return { accept, consume, onError, close };
}
