import type { Answers } from "./receive/answers.js";
import type { Delivery } from "./receive/delivery.js";
import { TelesignCallbackError } from "./errors.js";
import type { MessageNotification } from "./receive/notification.js";
import type { Rejection } from "./receive/rejection.js";
import type { Tally } from "./tally.js";

/** The arguments of each event. */
export interface CallbackEvents {
  /** A notification not seen before. */
  message: [message: MessageNotification, delivery: Delivery];
  /** A retry that was suppressed. */
  duplicate: [message: MessageNotification, delivery: Delivery];
  /** A request that got a 4xx or 5xx. */
  rejected: [rejection: Rejection];
  /** A fault on our side. Without a listener it is one line on stderr. */
  error: [error: TelesignCallbackError];
}

/** A function for an event. It may be async; what it returns is otherwise ignored. */
export type Listener<Event extends keyof CallbackEvents> = (
  ...args: CallbackEvents[Event]
) => unknown;

type Registry = { readonly [Event in keyof CallbackEvents]: Set<Listener<Event>> };

/** Subscriptions, and handing an event to them so that none can hurt another, or the caller. */
export interface Listeners {
  /** Subscribes, and returns the function that unsubscribes. */
  on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>): () => void;
  /** How many listen to `event`. */
  count(event: keyof CallbackEvents): number;
  /** Starts every listener now. Calls back, when all have settled, with what the failed ones failed with. */
  emit<Event extends keyof CallbackEvents>(
    event: Event,
    args: CallbackEvents[Event],
    settled?: (failures: readonly unknown[]) => void,
  ): void;
  /** Emits `error` once the answer that is under way is out. Without a listener it is a line on stderr. */
  readonly report: (error: TelesignCallbackError) => void;
  /** The same, now. */
  reportNow(error: TelesignCallbackError): void;
}

/** Keeps the subscriptions of one callback. `running` counts the events whose listeners have not settled. */
export function createListeners(answers: Answers, running: Tally): Listeners {
  const registry: Registry = {
    message: new Set(),
    duplicate: new Set(),
    rejected: new Set(),
    error: new Set(),
  };

  function on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>) {
    if (!Object.hasOwn(registry, event)) {
      throw new TypeError(`event must be one of ${Object.keys(registry).join(", ")}`);
    }
    if (typeof listener !== "function") throw new TypeError("listener must be a function");
    // An entry of its own, so that one function can subscribe twice and unsubscribe once.
    const entry: Listener<Event> = (...args) => listener(...args);
    registry[event].add(entry);
    return function unsubscribe() {
      registry[event].delete(entry);
    };
  }

  function emit<Event extends keyof CallbackEvents>(
    event: Event,
    args: CallbackEvents[Event],
    settled?: (failures: readonly unknown[]) => void,
  ) {
    const failures: unknown[] = [];
    let unsettled = 1;
    running.begin();
    // A copy, since listeners may subscribe and unsubscribe others.
    for (const listener of [...registry[event]]) {
      try {
        const result = listener(...args);
        if (result !== undefined) void follow(result);
      } catch (cause) {
        fail(cause);
      }
    }
    settle();

    async function follow(result: unknown) {
      unsettled += 1;
      try {
        await result;
      } catch (cause) {
        fail(cause);
      }
      settle();
    }

    function fail(cause: unknown) {
      failures.push(cause);
      reportFailure(event, args[0], cause);
    }

    function settle() {
      unsettled -= 1;
      if (unsettled > 0) return;
      running.end();
      settled?.(failures);
    }
  }

  function reportFailure(
    event: keyof CallbackEvents,
    subject: CallbackEvents[keyof CallbackEvents][0],
    cause: unknown,
  ) {
    const notification = subject instanceof Error ? undefined : subject;
    const text = `a listener of "${event}" failed; the others were not affected`;
    const error = new TelesignCallbackError("ERR_LISTENER", text, { cause, notification });
    // Not to the listeners of `error` again: the one that fails would never hear the end of it.
    if (event === "error") print(error);
    else report(error);
  }

  function report(error: TelesignCallbackError) {
    running.begin();
    answers.whenOut(error.notification?.mo_reference_id, () => {
      reportNow(error);
      running.end();
    });
  }

  function reportNow(error: TelesignCallbackError) {
    if (registry.error.size === 0) print(error);
    else emit("error", [error]);
  }

  return { on, count: (event) => registry[event].size, emit, report, reportNow };
}

/** One line of our own words: a cause may say anything. */
function print({ code, message }: TelesignCallbackError): void {
  try {
    console.error(`telesign-callback: ${code}: ${message}`);
  } catch {
    // A console that forbids errors, as some test set-ups make it, must not cost a message.
  }
}
