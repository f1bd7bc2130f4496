import type { Outcome } from "../inbox/inbox.js";
import type { Counts } from "../stats.js";
import { carry, note } from "../tracing.js";
import type { Delivery } from "./delivery.js";
import { departure } from "./departure.js";
import type { Exchange, ReceiverParts } from "./exchange.js";
import type { MessageNotification } from "./notification.js";
import { respond, type Answer } from "./respond.js";

const OKAY = { accepted: okay("accepted"), duplicate: okay("duplicate") };

/**
 * Makes the function that gives a notification to the inbox and answers 200. It resolves when the
 * answer has left.
 */
export function createAcknowledge({ inbox, answers, listeners, counts, isClosing }: ReceiverParts) {
  return async function acknowledge(
    exchange: Exchange,
    message: MessageNotification,
    delivery: Delivery,
  ): Promise<void> {
    const { req, res, trace } = exchange;
    const reference = message.mo_reference_id;
    // Added before the inbox is asked, because the inbox may hand over at once, and a hand-over
    // waits only for the answers that it finds.
    const left = departure(req, res);
    answers.add(reference, left);
    if (trace) carry(delivery, trace);
    const outcome = await inbox.accept(message, delivery);
    count(counts, outcome, delivery);
    note(trace, { outcome, status: 200, reference });
    if (outcome === "duplicate") {
      listeners.emitAfter(answers.sent(reference), "duplicate", message, delivery);
    }
    respond(exchange, OKAY[outcome], isClosing());
    await left;
  };
}

function okay(status: Outcome): Answer {
  const headers = { "Content-Type": "application/json" };
  return { status: 200, headers, body: JSON.stringify({ status }) };
}

function count(counts: Counts, outcome: Outcome, { receivedAt }: Delivery): void {
  if (outcome === "duplicate") {
    counts.duplicates += 1;
  } else {
    counts.accepted += 1;
    // The number, because listeners share the Date and may change it.
    counts.lastAcceptedAt = receivedAt.getTime();
  }
}
