import { within } from "../clock.js";
import type { Delivery } from "../receive/delivery.js";
import { inboxError, onUnheard, TelesignCallbackError } from "../errors.js";
import type { HandOver, Inbox, Outcome } from "./inbox.js";
import type { Listeners } from "../listeners.js";
import type { MessageNotification } from "../receive/notification.js";

/** How long, in ms, an inbox may take to accept. TeleSign waits 5 s for the answer, as far as is known. */
const ACCEPT_DEADLINE = 2_000;

/** The way through an inbox that may fail: no message is lost to it. */
export interface Intake {
  /** What the inbox makes of a notification; if it fails, `accepted`, and the listeners get it at once. */
  accept(message: MessageNotification, delivery: Delivery): Outcome | Promise<Outcome>;
  /** To be called when the number of `message` listeners has changed: the inbox consumes while there is one. */
  consumeWhileHeard(): void;
  /** Closes the inbox. */
  close(): Promise<void>;
}

export function createIntake(inbox: Inbox, handOver: HandOver, listeners: Listeners): Intake {
  let isConsuming = false;
  let stopConsuming = () => Promise.resolve();
  let isClosed = false;

  inbox.onError?.((error) => {
    const isOurs = error instanceof TelesignCallbackError;
    listeners.report(isOurs ? error : inboxError("the inbox is in trouble", error));
  });

  function accept(message: MessageNotification, delivery: Delivery): Outcome | Promise<Outcome> {
    const handOverNow = (cause: unknown): Outcome => {
      const text = "the inbox did not accept a notification; listeners of this process get it now";
      listeners.report(inboxError(text, cause, message));
      handOver(message, delivery).catch(onUnheard(listeners.report));
      return "accepted";
    };
    try {
      const outcome = inbox.accept(message, delivery);
      // Without a timer where the answer is there already.
      if (typeof outcome === "string") return checked(outcome);
      return within(ACCEPT_DEADLINE, outcome).then(checked).catch(handOverNow);
    } catch (cause) {
      return handOverNow(cause);
    }
  }

  function consumeWhileHeard() {
    const isHeard = listeners.count("message") > 0;
    if (isHeard === isConsuming || isClosed) return;
    isConsuming = isHeard;
    void attempt(isHeard ? "consume" : "stop consuming", isHeard ? start : stopConsuming);
  }

  async function close() {
    isClosed = true;
    await attempt("close", () => inbox.close());
  }

  function start() {
    stopConsuming = inbox.consume(handOver);
    // An inbox without types may return a promise, and that may reject.
    return Promise.resolve<unknown>(stopConsuming);
  }

  async function attempt(what: string, action: () => Promise<unknown>) {
    try {
      await action();
    } catch (cause) {
      listeners.report(inboxError(`the inbox could not ${what}`, cause));
    }
  }

  return { accept, consumeWhileHeard, close };
}

/** Inboxes come from users, too, and not all of them compile with types. */
function checked(outcome: unknown): Outcome {
  if (outcome === "accepted" || outcome === "duplicate") return outcome;
  throw new TypeError('accept must return "accepted" or "duplicate"');
}
