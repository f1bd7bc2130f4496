import { LRUCache } from "lru-cache";

import { setImmediate } from "../clock.js";
import { isUnheard, unheardError } from "../errors.js";
import { milliseconds, refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";
import type { HandOver, Inbox, Outcome } from "./inbox.js";
import { referenceKey } from "./reference-key.js";
import { createWaitingLine, type Arrival } from "./waiting-line.js";

/** Options of {@link memoryInbox}. */
export interface MemoryInboxOptions {
  /**
   * How many references are remembered. When full, the inbox forgets the oldest, whatever the
   * `ttl`, so allow for the messages of 60 s, during which TeleSign retries. The default takes up
   * to 13 MB.
   * @default 100_000
   */
  max?: number;
  /**
   * How long a reference is remembered, in milliseconds.
   * @default 600_000
   */
  ttl?: number;
}

/** The most entries that V8 allows in a Map. Adding another throws. */
const LARGEST_MAP = 2 ** 24;

/**
 * The default inbox: an LRU cache keyed by `mo_reference_id`. Nothing outlives the process, and two
 * processes that get the same message each hand it over. Listeners are started in order of arrival;
 * one that fails is reported, not retried.
 *
 * Notifications that find no `message` listener wait for one, up to 1,000 of them and 64 MB of
 * text, and keep the `AsyncLocalStorage` context of their request. Beyond 1,000 the newest is
 * dropped, beyond 64 MB the oldest, and at `close()` all that still wait. Each is reported as an
 * `ERR_NO_LISTENER` error that carries it.
 *
 * @throws TypeError if an option is bad or unknown
 */
export function memoryInbox(options: Readonly<MemoryInboxOptions> = {}): Inbox {
  refuseUnknownAndUndefined(options, ["max", "ttl"]);
  const isNew = createMemory(options);
  const consumer = createCurrentConsumer(() => drainSoon());
  const drop = (message: MessageNotification) => report(unheardError(message));
  const line = createWaitingLine(consumer.isThere, drop);
  let arrived = 0;
  let isClosed = false;
  // Until an `onError` listener is set, errors are thrown to the caller of `accept` or `close`.
  let report = throwIt;
  const onError = (listener: (error: Error) => void) => void (report = listener);

  function accept(message: MessageNotification, delivery: Delivery): Outcome {
    if (!isNew(message.mo_reference_id)) return "duplicate";
    arrived += 1;
    const arrival = { message, delivery, number: arrived };
    const handOver = consumer.ready();
    if (handOver && line.count() === 0) give(arrival, handOver);
    else line.add(arrival);
    return "accepted";
  }

  // One notification at a time: after any of them the last listener may leave, and the rest must
  // then stay in line.
  const drainSoon = repeatSoon(giveNext);

  /** Hands over the oldest notification. Returns false if none waits or no consumer is ready. */
  function giveNext(): boolean {
    const handOver = consumer.ready();
    const next = handOver && line.take();
    next?.context.runInAsyncScope(give, undefined, next, handOver);
    return next !== undefined;
  }

  function give(arrival: Arrival, handOver: HandOver): void {
    handOver(arrival.message, arrival.delivery).catch((error: unknown) => {
      // A listener's failure has been reported, and there is no second attempt here.
      if (!isUnheard(error)) return;
      if (isClosed) return report(error);
      line.add(arrival);
      drainSoon();
    });
  }

  function close(): Promise<void> {
    consumer.endReturn();
    while (giveNext());
    isClosed = true;
    line.clear();
    return Promise.resolve();
  }

  return { accept, consume: consumer.attach, onError, waiting: line.count, close };
}

/** Keeps track of the current consumer. Calls `onReady` when a new one is ready. */
function createCurrentConsumer(onReady: () => void) {
  let current: HandOver | undefined;
  let isReturning = false;

  function attach(handOver: HandOver): () => Promise<void> {
    current = handOver;
    // Notifications that the previous consumer gives back return within this turn. They are older
    // than new ones, and must go first.
    isReturning = true;
    setImmediate(() => {
      isReturning = false;
      onReady();
    });
    return function detach() {
      current = undefined;
      return Promise.resolve();
    };
  }

  return {
    attach,
    isThere: () => current !== undefined,
    /** Also undefined while the previous consumer may still give notifications back. */
    ready: () => (isReturning ? undefined : current),
    endReturn: () => void (isReturning = false),
  };
}

function throwIt(error: Error): void {
  throw error;
}

/** Makes the function that says whether a reference is new, and remembers it. */
function createMemory({ max = 100_000, ttl = 600_000 }: Readonly<MemoryInboxOptions>) {
  // maxSize, because max would allocate room for all references now.
  const seen = new LRUCache<string, true>({
    maxSize: wholeNumber("max", max, LARGEST_MAP),
    ttl: milliseconds("ttl", ttl),
  });
  return function isNew(reference: string): boolean {
    const key = referenceKey(reference);
    if (seen.has(key)) return false;
    seen.set(key, true, COUNTS_AS_ONE);
    return true;
  };
}

const COUNTS_AS_ONE = { size: 1 };

/**
 * Makes the function that repeats a step until it returns false. Each step runs in a new microtask,
 * so that a listener can leave before it.
 */
function repeatSoon(step: () => boolean): () => void {
  let isDue = false;
  return function start() {
    if (isDue) return;
    isDue = true;
    void Promise.resolve().then(() => {
      isDue = false;
      if (step()) start();
    });
  };
}
