import type { IncomingMessage, ServerResponse } from "node:http";

import { bodyConsumedError } from "../errors.js";
import type { GuardedInbox } from "../inbox/guarded-inbox.js";
import type { Outcome } from "../inbox/inbox.js";
import type { Listeners } from "../listeners.js";
import type { Settings } from "../options.js";
import type { Counts } from "../stats.js";
import { carry, type RequestTrace } from "../tracing.js";
import { addressOf, type AddressedRequest } from "./address.js";
import type { Answers } from "./answers.js";
import { ClientGone, readBody, type Body, type BodyRequest } from "./body.js";
import { createChecks } from "./checks.js";
import { deliveryOf, type Delivery } from "./delivery.js";
import { departure } from "./departure.js";
import type { MessageNotification } from "./notification.js";
import { Refusal, Rejection } from "./rejection.js";
import { respond, type Answer } from "./respond.js";

/** A request of `node:http`, with what Express, other middleware or a host may have added. */
type CallbackRequest = IncomingMessage & AddressedRequest & BodyRequest;

/** A request, its answer, and the trace of both if anybody subscribes to it. */
interface Exchange {
  readonly req: CallbackRequest;
  readonly res: ServerResponse;
  readonly trace: RequestTrace | undefined;
}

/** What a receiver works with. */
export interface ReceiverParts {
  readonly inbox: GuardedInbox;
  readonly answers: Answers;
  readonly listeners: Listeners;
  readonly counts: Counts;
  readonly isClosing: () => boolean;
}

const OKAY = { accepted: okay("accepted"), duplicate: okay("duplicate") };

/**
 * Makes the function that takes one callback from its headers to its answer. It resolves when the
 * answer has left, and rejects only with errors that are not ours.
 */
export function createReceiver(settings: Settings, parts: ReceiverParts) {
  const { maxBodySize, parse } = settings;
  const { inbox, answers, listeners, counts, isClosing } = parts;
  const { admit, authenticate, refuseIfOutdated, refuseIfClosing } = createChecks(
    settings,
    isClosing,
  );

  return async function receive(exchange: Exchange): Promise<void> {
    const { req } = exchange;
    let body: Body | undefined;
    try {
      admit(req); // 503, 403, 415
      body = await readBody(req, maxBodySize); // 413, 500
      authenticate(req.headers, body); // 401, 500
      const message = parse(body); // 400
      const delivery = deliveryOf(message);
      refuseIfOutdated(delivery); // 400
      refuseIfClosing(); // 503, since the inbox may have closed while the body was arriving
      await acknowledge(exchange, message, delivery); // 200, then the listeners
    } catch (error) {
      await refuse(exchange, error, body);
    }
  };

  async function acknowledge(exchange: Exchange, message: MessageNotification, delivery: Delivery) {
    const { req, res, trace } = exchange;
    const reference = message.mo_reference_id;
    const left = departure(req, res);
    answers.add(reference, left);
    if (trace) carry(delivery, trace.carrier);
    const outcome = await inbox.accept(message, delivery);
    countOutcome(counts, outcome, delivery);
    if (trace) Object.assign(trace, { outcome, status: 200, reference });
    if (outcome === "duplicate") {
      listeners.emitAfter(answers.sent(reference), "duplicate", message, delivery);
    }
    answer(exchange, OKAY[outcome]);
    await left;
  }

  async function refuse(exchange: Exchange, error: unknown, body: Body | undefined) {
    const { req, trace } = exchange;
    if (error instanceof ClientGone) {
      if (trace) trace.outcome = "aborted";
      return;
    }
    if (!(error instanceof Refusal)) throw error;
    const { status } = error;
    const bytes = Buffer.isBuffer(body) ? body : undefined;
    const rejection = new Rejection(error, { address: addressIfKnown(req), body: bytes });
    counts.rejected[status] = (counts.rejected[status] ?? 0) + 1;
    if (trace) Object.assign(trace, { outcome: "rejected", status });
    const left = departure(req, exchange.res);
    try {
      answer(exchange, error.toAnswer());
      await left;
    } finally {
      if (status === 500) listeners.reportNow(bodyConsumedError());
      void listeners.emit("rejected", rejection);
    }
  }

  function answer({ req, res }: Exchange, { headers, ...rest }: Answer) {
    // A connection that is kept would keep the server from closing.
    const final = isClosing() ? { ...headers, Connection: "close" } : headers;
    respond(req, res, { ...rest, headers: final });
  }
}

function okay(status: Outcome): Answer {
  const headers = { "Content-Type": "application/json" };
  return { status: 200, headers, body: JSON.stringify({ status }) };
}

function countOutcome(counts: Counts, outcome: Outcome, { receivedAt }: Delivery): void {
  if (outcome === "duplicate") {
    counts.duplicates += 1;
  } else {
    counts.accepted += 1;
    counts.lastAcceptedAt = receivedAt;
  }
}

/** For the `rejected` event, which no fault of the app's `trust proxy` may prevent. */
function addressIfKnown(req: CallbackRequest): string | undefined {
  try {
    return addressOf(req);
  } catch {
    return undefined;
  }
}
