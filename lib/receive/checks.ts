import type { IncomingHttpHeaders } from "node:http";

import type { Settings } from "../options.js";
import { addressOf, type AddressedRequest } from "./address.js";
import type { Body } from "./body.js";
import type { Delivery } from "./delivery.js";
import { Refusal } from "./rejection.js";
import { isSigned } from "./signature.js";

/** How far TeleSign's clock and ours may differ, in ms. */
const CLOCK_DIFFERENCE = 60_000;

/** Makes the checks besides reading and parsing. One that fails throws a {@link Refusal}. */
export function createChecks({ isAllowed, signers, maxAge }: Settings, isClosing: () => boolean) {
  function admit(req: AddressedRequest) {
    refuseIfClosing();
    // Express computes req.ip on each read, so read it on demand only.
    if (isAllowed && !isAllowed(addressOf(req))) throw new Refusal("address");
    // A serverless host may give an array.
    const encoding = String(req.headers["content-encoding"] ?? "");
    if (!/^(identity)?$/i.test(encoding)) throw new Refusal("encoding");
  }

  function refuseIfClosing() {
    if (isClosing()) throw new Refusal("closing");
  }

  function authenticate(headers: IncomingHttpHeaders, body: Body) {
    if (!signers) return;
    if (!Buffer.isBuffer(body)) throw new Refusal("consumed");
    const claims = [headers["x-ts-authorization"], headers.authorization];
    if (!isSigned(body, claims, signers)) throw new Refusal("signature");
  }

  /** Once the inbox has forgotten a message, only its date shows a replay: no signature expires. */
  function refuseIfOutdated({ receivedAt, submittedAt }: Delivery) {
    if (maxAge === undefined) return;
    const field = "submit_timestamp";
    if (!submittedAt) throw new Refusal("age", [{ field, rule: "string.isoDate" }]);
    const age = receivedAt.getTime() - submittedAt.getTime();
    if (age > maxAge) throw new Refusal("age", [{ field, rule: "date.min" }]);
    // A notification dated further ahead could be replayed for that much longer.
    if (age < -CLOCK_DIFFERENCE) throw new Refusal("future", [{ field, rule: "date.max" }]);
  }

  return { admit, refuseIfClosing, authenticate, refuseIfOutdated };
}
