import { TelesignCallbackError } from "./errors.js";
import type { Answers } from "./receive/answers.js";
import type { Delivery } from "./receive/delivery.js";
import type { MessageNotification } from "./receive/notification.js";
import { isRejection, type Rejection } from "./receive/rejection.js";
import type { Counts } from "./stats.js";
import type { UnderWay } from "./under-way.js";

/** The arguments of each event. */
export interface CallbackEvents {
  /** A notification not seen before. */
  message: [message: MessageNotification, delivery: Delivery];
  /** A retry that was suppressed. */
  duplicate: [message: MessageNotification, delivery: Delivery];
  /** A request that got a 4xx or 5xx. */
  rejected: [rejection: Rejection];
  /** A fault on the receiving side. Without a listener it is one line on stderr. */
  error: [error: TelesignCallbackError];
}

/** A function for an event. It may return a promise; any other result is ignored. */
export type Listener<Event extends keyof CallbackEvents> = (
  ...args: CallbackEvents[Event]
) => unknown;

type Registry = { readonly [Event in keyof CallbackEvents]: Set<Listener<Event>> };

/** A callback's subscriptions. A listener that fails affects neither the others nor the caller. */
export interface Listeners {
  /** Subscribes, and returns the function that unsubscribes. */
  on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>): () => void;
  /** How many listeners `event` has. */
  count(event: keyof CallbackEvents): number;
  /**
   * Starts every listener now. When all have settled, resolves to the errors of those that failed.
   * Does not count as under way.
   */
  emit<Event extends keyof CallbackEvents>(
    event: Event,
    ...args: CallbackEvents[Event]
  ): Promise<readonly unknown[]>;
  /** Emits once `answered` resolves, and counts as under way until the listeners have settled. */
  emitAfter<Event extends keyof CallbackEvents>(
    answered: Promise<void>,
    event: Event,
    ...args: CallbackEvents[Event]
  ): void;
  /**
   * Emits `error` once the answer to the error's notification has left, or in a later turn if there
   * is no notification.
   */
  readonly report: (error: TelesignCallbackError) => void;
  /** Emits `error` once `answered` resolves. */
  reportAfter(answered: Promise<void>, error: TelesignCallbackError): void;
  /** Emits `error` at once. Resolves when the listeners have settled. */
  reportNow(error: TelesignCallbackError): Promise<void>;
}

/** What the listeners of one callback work with. */
export interface ListenersParts {
  readonly answers: Answers;
  readonly underWay: UnderWay;
  readonly counts: Counts;
}

/** Keeps the subscriptions of one callback. */
export function createListeners({ answers, underWay, counts }: ListenersParts): Listeners {
  const registry = createRegistry();
  const on: Listeners["on"] = (event, listener) => subscribe(registry, event, listener);
  const count = (event: keyof CallbackEvents) => registry[event].size;

  async function emit<Event extends keyof CallbackEvents>(
    event: Event,
    ...args: CallbackEvents[Event]
  ) {
    const failures: unknown[] = [];
    const fail = (cause: unknown) => {
      failures.push(cause);
      reportFailure(event, args[0], cause);
    };
    await Promise.all(startAll(registry[event], args, fail));
    return failures;
  }

  function emitAfter<Event extends keyof CallbackEvents>(
    answered: Promise<void>,
    event: Event,
    ...args: CallbackEvents[Event]
  ) {
    const end = underWay.begin();
    void answered.then(() => emit(event, ...args)).then(end);
  }

  function reportFailure(
    event: keyof CallbackEvents,
    subject: CallbackEvents[keyof CallbackEvents][0],
    cause: unknown,
  ) {
    const error = listenerError(event, subject, cause);
    // Not reported to the `error` listeners again, or one that always fails would loop endlessly.
    if (event === "error") print(error);
    else report(error);
  }

  function reportAfter(answered: Promise<void>, error: TelesignCallbackError) {
    const end = underWay.begin();
    void answered.then(() => reportNow(error)).then(end);
  }

  const report = (error: TelesignCallbackError) =>
    reportAfter(answers.sent(error.notification?.mo_reference_id), error);

  async function reportNow(error: TelesignCallbackError) {
    if (error.code === "ERR_INBOX") counts.inboxErrors += 1;
    if (error.code === "ERR_DEAD_LETTER") counts.deadLettered += 1;
    if (registry.error.size === 0) print(error);
    else await emit("error", error);
  }

  return { on, count, emit, emitAfter, reportAfter, report, reportNow };
}

function createRegistry(): Registry {
  return { message: new Set(), duplicate: new Set(), rejected: new Set(), error: new Set() };
}

function subscribe<Event extends keyof CallbackEvents>(
  registry: Registry,
  event: Event,
  listener: Listener<Event>,
) {
  if (!Object.hasOwn(registry, event)) {
    throw new TypeError(`event must be one of ${Object.keys(registry).join(", ")}`);
  }
  if (typeof listener !== "function") throw new TypeError("listener must be a function");
  // A new entry, so that a function can subscribe twice, and each subscription ends separately.
  const entry: Listener<Event> = (...args) => listener(...args);
  registry[event].add(entry);
  return function unsubscribe() {
    registry[event].delete(entry);
  };
}

/** Starts every listener. For each that returns a value, returns a promise that never rejects. */
function startAll<Args extends unknown[]>(
  listeners: ReadonlySet<(...args: Args) => unknown>,
  args: Args,
  fail: (cause: unknown) => void,
): Promise<void>[] {
  const unsettled: Promise<void>[] = [];
  // A copy, since a listener may subscribe or unsubscribe others.
  for (const listener of [...listeners]) {
    try {
      const result = listener(...args);
      if (result !== undefined) unsettled.push(Promise.resolve(result).then(() => {}, fail));
    } catch (cause) {
      fail(cause);
    }
  }
  return unsettled;
}

function listenerError(
  event: keyof CallbackEvents,
  subject: CallbackEvents[keyof CallbackEvents][0],
  cause: unknown,
) {
  const text = `a listener of "${event}" failed; the others were not affected`;
  return new TelesignCallbackError("ERR_LISTENER", text, { cause, ...detailsOf(subject) });
}

/** What an `ERR_LISTENER` carries from its event, so that the message is not lost. */
function detailsOf(subject: CallbackEvents[keyof CallbackEvents][0]) {
  if (isRejection(subject)) return { body: subject.body };
  return subject instanceof TelesignCallbackError ? {} : { notification: subject };
}

/** Prints one line, without the cause, which may contain anything. */
function print({ code, message }: TelesignCallbackError): void {
  try {
    console.error(`telesign-callback: ${code}: ${message}`);
  } catch {
    // Some test set-ups make the console throw. That must not cost a message.
  }
}
