import { bodyOf } from "../support/notifications.mjs";
import { GUARDED_PATH } from "./apps/paths.mjs";
import { same } from "./check-list.mjs";

/**
 * Checks that `allowFrom` sees the sender's own address, and that the sender cannot change it with
 * a header. Returns the failures, one line each.
 *
 * @param {(address: string) => Function} senderFrom makes a sender that has this address
 */
export async function checkAddress(senderFrom) {
  const cases = [
    ["127.0.0.2", {}, 200],
    ["127.0.0.3", {}, 403],
    ["127.0.0.3", { "X-Forwarded-For": "127.0.0.2" }, 403],
  ];
  const failures = [];
  for (const [address, headers, wanted] of cases) {
    try {
      const send = senderFrom(address);
      const request = { method: "POST", path: GUARDED_PATH, headers, body: payload() };
      same((await send(request)).status, wanted);
    } catch (error) {
      const forging = headers["X-Forwarded-For"] ? ", with a forged header" : "";
      failures.push(`allowFrom, sent from ${address}${forging}: ${error.message}`);
    }
  }
  return failures;
}

let made = 0;

function payload() {
  made += 1;
  return bodyOf(made);
}
