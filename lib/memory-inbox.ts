import { LRUCache } from "lru-cache";

import type { Delivery } from "./delivery.js";
import { TelesignCallbackError } from "./errors.js";
import type { HandOver, Inbox, Outcome } from "./inbox.js";
import type { MessageNotification } from "./notification.js";
import { refuseUnknownAndUndefined, wholeNumber } from "./option-checks.js";

/** How much the memory inbox remembers, and for how long. */
export interface MemoryInboxOptions {
  /**
   * How many references are remembered. Must hold the messages of one retry window, about 60 s: the
   * oldest goes first, whatever the `ttl`. Full, the default holds 13 MB.
   * @default 100_000
   */
  max?: number;
  /**
   * How long a reference is remembered, in milliseconds.
   * @default 600_000
   */
  ttl?: number;
}

const MAX_WAITING = 1_000;

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
    max: wholeNumber("max", max),
    ttl: wholeNumber("ttl", ttl),
  });
  const waiting: [MessageNotification, Delivery][] = [];
  let handOver: HandOver | undefined;
  // Until somebody asks for trouble it is thrown, which the caller of `accept` and `close` handles.
  let report = (error: Error): void => {
    throw error;
  };

  function accept(message: MessageNotification, delivery: Delivery): Outcome {
    if (seen.has(message.mo_reference_id)) return "duplicate";
    seen.set(message.mo_reference_id, true);
    if (handOver !== undefined && waiting.length === 0) give(message, delivery, handOver);
    else if (handOver !== undefined || waiting.length < MAX_WAITING)
      waiting.push([message, delivery]);
    else reportUnheard(message);
    return "accepted";
  }

  function consume(consumer: HandOver): () => Promise<void> {
    handOver = consumer;
    // Soon, not now: the listener that has just subscribed could not unsubscribe yet.
    void Promise.resolve().then(drain);
    return function stop() {
      handOver = undefined;
      return Promise.resolve();
    };
  }

  /** Ends early when the last listener unsubscribes in the middle; the rest goes on waiting. */
  function drain(): void {
    while (handOver !== undefined) {
      const next = waiting.shift();
      if (next === undefined) return;
      give(...next, handOver);
    }
  }

  function give(message: MessageNotification, delivery: Delivery, consumer: HandOver): void {
    // A failure was reported by whoever hands over, and there is no second attempt here.
    consumer(message, delivery).catch(() => {});
  }

  function close(): Promise<void> {
    drain();
    for (const [message] of waiting.splice(0)) reportUnheard(message);
    return Promise.resolve();
  }

  function reportUnheard(notification: MessageNotification): void {
    const text =
      'a notification found no "message" listener; subscribe with onMessage before listening';
    report(new TelesignCallbackError("ERR_NO_LISTENER", text, { notification }));
  }

  function onError(listener: (error: Error) => void): void {
    report = listener;
  }

  return { accept, consume, onError, close };
}
