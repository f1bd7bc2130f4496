import { bodyConsumedError } from "../errors.js";
import { note } from "../tracing.js";
import { addressOf } from "./address.js";
import { ClientGone, type Body } from "./body.js";
import { departure } from "./departure.js";
import type { Exchange, ReceiverParts } from "./exchange.js";
import { Refusal, RejectedRequest } from "./rejection.js";
import { respond } from "./respond.js";

/**
 * Makes the function that answers a request whose check threw a {@link Refusal}. It resolves when
 * the answer has left, or at once if the client has gone, and rethrows any other error.
 */
export function createRefuse({ listeners, counts, isClosing }: ReceiverParts) {
  return async function refuse(
    exchange: Exchange,
    error: unknown,
    body: Body | undefined,
  ): Promise<void> {
    const { req, res, trace } = exchange;
    if (error instanceof ClientGone) {
      return note(trace, { outcome: "aborted" });
    }
    if (!(error instanceof Refusal)) throw error;
    const { status } = error;
    const bytes = Buffer.isBuffer(body) ? body : undefined;
    const rejection = new RejectedRequest(error, { address: addressIfKnown(req), body: bytes });
    counts.rejected[status] = (counts.rejected[status] ?? 0) + 1;
    note(trace, { outcome: "rejected", status });
    const left = departure(req, res);
    if (error.reason === "consumed") listeners.reportAfter(left, bodyConsumedError());
    listeners.emitAfter(left, "rejected", rejection);
    respond(exchange, error.toAnswer(), isClosing());
    await left;
  };
}

/** The address for a `rejected` event, emitted even if the app's `trust proxy` throws. */
function addressIfKnown(req: Exchange["req"]): string | undefined {
  try {
    return addressOf(req);
  } catch {
    return undefined;
  }
}
