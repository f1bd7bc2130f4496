import { tracingChannel } from "node:diagnostics_channel";

import type { Delivery } from "./receive/delivery.js";
import type { MessageNotification } from "./receive/notification.js";

/**
 * Strings that travel from a request to every hand-over of its notification, even in another
 * process: a carrier for OpenTelemetry, with keys such as W3C's `traceparent`. A subscriber to the
 * `start` of `telesign-callback:request` can fill it.
 */
export type TraceCarrier = Record<string, string>;

/** What subscribers to `telesign-callback:request` get: one callback, from arrival to answer. */
export interface RequestTrace {
  /** When the request reached the callback. Its body may still be arriving. */
  readonly receivedAt: Date;
  /** Fill it to link the notification's hand-overs to this request. */
  readonly carrier: TraceCarrier;
  /**
   * How the request ended: `aborted` if the client hung up before its body had arrived, `failed` if
   * other code of the app made the answer impossible. Undefined until that is known.
   */
  outcome?: "accepted" | "duplicate" | "rejected" | "aborted" | "failed";
  /** The HTTP status of the answer, or of the one intended if the outcome is `failed`. */
  status?: number;
  /** The `mo_reference_id` of a notification that passed every check. */
  reference?: string;
}

/** What subscribers to `telesign-callback:message` get: one hand-over. Listeners run inside it. */
export interface MessageTrace {
  /** The notification's `mo_reference_id`. */
  readonly reference: string;
  /** Which hand-over this is, counted from 1. */
  readonly attempt: number;
  /** When the notification arrived: see {@link Delivery}. */
  readonly receivedAt: Date;
  /** What a subscriber put into the request's carrier; empty if none did. */
  readonly carrier: Readonly<TraceCarrier>;
  /** `failed` if any listener failed. Undefined until all have settled. */
  outcome?: "delivered" | "failed";
}

const requests = tracingChannel<unknown, RequestTrace>("telesign-callback:request");
const messages = tracingChannel<unknown, MessageTrace>("telesign-callback:message");

/** Runs `receive`, inside a trace if anybody subscribes to the channel. */
export function traceRequest(receive: (trace?: RequestTrace) => Promise<void>): Promise<void> {
  return requests.hasSubscribers ? receiveTraced(receive) : receive();
}

async function receiveTraced(receive: (trace?: RequestTrace) => Promise<void>): Promise<void> {
  const trace: RequestTrace = { receivedAt: new Date(), carrier: {} };
  let failure: { error: unknown } | undefined;
  await regardless(
    requests.tracePromise(async () => {
      try {
        await receive(trace);
      } catch (error) {
        // Not rethrown here: the channel would publish the error, which may contain anything.
        failure = { error };
        note(trace, { outcome: "failed" });
      }
    }, trace),
  );
  if (failure) throw failure.error;
}

/** Hands a notification to its listeners, and resolves to the errors of those that failed. */
type Emit = (message: MessageNotification, delivery: Delivery) => Promise<readonly unknown[]>;

/** Makes a function that calls `emit`, inside a trace if anybody subscribes to the channel. */
export function traced(emit: Emit): Emit {
  return (...arrival) =>
    messages.hasSubscribers ? emitTraced(emit, ...arrival) : emit(...arrival);
}

async function emitTraced(emit: Emit, message: MessageNotification, delivery: Delivery) {
  const { attempt, receivedAt } = delivery;
  const reference = message.mo_reference_id;
  const trace: MessageTrace = { reference, attempt, receivedAt, carrier: carrierOf(delivery) };
  let failures: readonly unknown[] = [];
  await regardless(
    messages.tracePromise(async () => {
      failures = await emit(message, delivery);
      note(trace, { outcome: failures.length > 0 ? "failed" : "delivered" });
    }, trace),
  );
  return failures;
}

/** Waits for a trace, and ignores its rejection: a subscriber may have frozen the trace. */
async function regardless(traced: Promise<void>): Promise<void> {
  await traced.catch(() => {});
}

// Kept beside the delivery and not in it, because listeners should not see the carrier.
const carriers = new WeakMap<Delivery, Readonly<TraceCarrier>>();

/** Keeps the strings in a request's carrier with the delivery. */
export function carry(delivery: Delivery, trace: Pick<RequestTrace, "carrier">): void {
  carriers.set(delivery, Object.freeze(stringsIn(trace)));
}

function stringsIn(trace: Pick<RequestTrace, "carrier">): TraceCarrier {
  try {
    const entries = Object.entries<unknown>({ ...trace.carrier });
    return Object.fromEntries(
      entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    // A subscriber's getter may throw. That must not cost an answer.
    return {};
  }
}

/** Notes facts in a trace, unless a subscriber has frozen it. */
export function note<Trace extends object>(trace: Trace | undefined, facts: Partial<Trace>): void {
  if (!trace) return;
  for (const [name, value] of Object.entries(facts)) {
    // Not by assignment, because a subscriber's setter could throw.
    Reflect.defineProperty(trace, name, { value, ...ASSIGNED });
  }
}

const ASSIGNED = { configurable: true, enumerable: true, writable: true };

/** The carrier kept with a delivery; empty if there is none. */
export function carrierOf(delivery: Delivery): Readonly<TraceCarrier> {
  return carriers.get(delivery) ?? {};
}
