import { within } from "../clock.js";
import { inboxError, onUnheard, TelesignCallbackError } from "../errors.js";
import type { Listeners } from "../listeners.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";
import { createUnderWay } from "../under-way.js";
import type { HandOver, Inbox, Outcome } from "./inbox.js";

/** How long an inbox may take to accept, in ms. TeleSign probably waits 5 s for the answer. */
const ACCEPT_DEADLINE = 2_000;

/** The user's inbox behind a guard: however it fails, no message is lost and nothing is thrown. */
export interface GuardedInbox {
  /** The inbox's outcome. If the inbox fails: `accepted`, and listeners get the message at once. */
  accept(message: MessageNotification, delivery: Delivery): Outcome | Promise<Outcome>;
  /** Call it when `message` listeners come or go: the inbox consumes while there is one. */
  consumeWhileHeard(): void;
  /** How many notifications wait in this process, as far as the inbox says. */
  waiting(): number;
  /** Whether the inbox has been asked to accept something and has not decided. */
  readonly isDeciding: () => boolean;
  /** Resolves when the inbox has decided on everything that it was asked to accept so far. */
  readonly settled: () => Promise<void>;
  /** Closes the inbox. Never rejects: a failure is an `ERR_INBOX` error. */
  close(): Promise<void>;
}

/** Guards an inbox. Its faults become `ERR_INBOX` errors. */
export function guardInbox(inbox: Inbox, handOver: HandOver, listeners: Listeners): GuardedInbox {
  let isConsuming = false;
  let stopConsuming = () => Promise.resolve();
  let isClosed = false;
  const accepting = createUnderWay();

  inbox.onError?.((error) => listeners.report(troubleError(error)));

  function accept(message: MessageNotification, delivery: Delivery): Outcome | Promise<Outcome> {
    const handOverNow = (cause: unknown): Outcome => {
      listeners.report(inboxError(NOT_ACCEPTED, cause, message));
      handOver(message, delivery).catch(onUnheard(listeners.report));
      return "accepted";
    };
    try {
      const outcome = inbox.accept(message, delivery);
      // An outcome that is not a promise needs no deadline.
      if (typeof outcome === "string") return checked(outcome);
      return within(ACCEPT_DEADLINE, outcome)
        .then(checked)
        .catch(handOverNow)
        .finally(accepting.begin());
    } catch (cause) {
      return handOverNow(cause);
    }
  }

  function consumeWhileHeard() {
    const isHeard = listeners.count("message") > 0;
    if (isHeard === isConsuming || isClosed) return;
    isConsuming = isHeard;
    if (isHeard) void guarded("consume", start);
    else void guarded("stop consuming", stopConsuming);
  }

  async function close() {
    isClosed = true;
    await accepting.settled();
    await guarded("close", () => inbox.close());
  }

  function start() {
    stopConsuming = inbox.consume(handOver);
    // An inbox written without types may return a promise, which may reject.
    return Promise.resolve<unknown>(stopConsuming);
  }

  async function guarded(what: string, action: () => Promise<unknown>) {
    try {
      await action();
    } catch (cause) {
      listeners.report(inboxError(`the inbox could not ${what}`, cause));
    }
  }

  const waiting = () => waitingIn(inbox);
  const isDeciding = () => accepting.count() > 0;
  return { accept, consumeWhileHeard, waiting, isDeciding, settled: accepting.settled, close };
}

const NOT_ACCEPTED =
  "the inbox did not accept a notification; listeners of this process get it now";

function troubleError(error: Error): TelesignCallbackError {
  const isOurs = error instanceof TelesignCallbackError;
  return isOurs ? error : inboxError("the inbox reported an error", error);
}

/** How many notifications wait in an inbox, as far as it says. */
function waitingIn(inbox: Inbox): number {
  try {
    const waiting = inbox.waiting?.() ?? 0;
    return Number.isSafeInteger(waiting) && waiting > 0 ? waiting : 0;
  } catch {
    return 0;
  }
}

/** Checks an outcome, because an inbox may be written without types. */
function checked(outcome: unknown): Outcome {
  if (outcome === "accepted" || outcome === "duplicate") return outcome;
  throw new TypeError('accept must return "accepted" or "duplicate"');
}
