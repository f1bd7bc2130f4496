import { refuseUnknownAndUndefined } from "../option-checks.js";
import {
  attempts,
  checkPersistence,
  TELESIGN_TIMEOUT,
  TELESIGN_WAITS,
  type Attempt,
} from "./attempts.js";
import { checkHeaders, requestHeaders, type HeadersToSend } from "./request-headers.js";
import { checkCustomerId, CUSTOMER_ID } from "./sign.js";
import { reach, type DeliverTarget } from "./target.js";

/** Options of {@link deliver}. An option that is given but `undefined` is refused. */
export interface DeliverOptions {
  /**
   * The path to request, with its query, percent-encoded. It is sent literally, so `//` and `..`
   * arrive unchanged. Leave it out if the target is a URL with a path or query: the URL says both.
   * @default "/"
   */
  path?: string;
  /**
   * Headers to add, such as a proxy's `X-Forwarded-For`. An array repeats the header.
   * `Content-Type` replaces `application/json`, and `Host` the target's own. `Connection`,
   * `Content-Length`, `Trailer` and `Transfer-Encoding` are refused, because the request sets its
   * own; so are `Authorization` and `X-TS-Authorization` if there is an `apiKey`.
   */
  headers?: HeadersToSend;
  /** The API key to sign with. Without it the callback is not signed. */
  apiKey?: string;
  /**
   * The Customer ID of a signed callback.
   * @default TeleSign's documented placeholder
   */
  customerId?: string;
  /**
   * The wait after each failed attempt, in milliseconds, 0 or more. There is at most one attempt
   * more than there are waits: `[]` allows one, `[0, 0]` three.
   * @default [10_000, 30_000]
   */
  waits?: readonly number[];
  /**
   * The longest wait for the whole answer, in milliseconds.
   * @default 5_000
   */
  timeout?: number;
}

/**
 * Delivers a notification as TeleSign does: anything but a 200 is a failure, and a failed attempt
 * is repeated after each of the `waits`, with the same bytes and the same signature.
 *
 * A server that is listening is reached at its own address. A request listener, such as an Express
 * app, and a server that is not listening are served on 127.0.0.1 during the delivery, and left as
 * they were. A URL must have no user name and no password.
 *
 * `waits` and `timeout` take real time, as the network does: fake timers neither stop nor advance
 * them. With fake timers, pass short waits, or `[]`. A fake `process.nextTick` stops Node's
 * network: with sinon, pass `{ toNotFake: ["nextTick"] }`.
 *
 * @param target where to deliver to
 * @param notification what to deliver; any object, valid or not
 * @returns the attempts; the last one has `status: 200` if the delivery succeeded
 * @throws TypeError, as a rejection, if an argument is bad or an option is bad or unknown
 *
 * @example
 * import express from "express";
 * import { telesignCallback } from "telesign-callback";
 * import { deliver, notification } from "telesign-callback/testing";
 *
 * const app = express().use(telesignCallback({ path: "/4f9d0c", onMessage: console.log }));
 * const [first] = await deliver(app, notification(), { path: "/4f9d0c" });
 * console.log(first?.status); // 200
 */
export async function deliver(
  target: DeliverTarget,
  notification: object,
  options: Readonly<DeliverOptions> = {},
): Promise<Attempt[]> {
  const { path, headers, persistence, signer } = resolveOptions(options);
  if (typeof notification !== "object" || notification === null) {
    throw new TypeError("notification must be an object");
  }
  const body = Buffer.from(JSON.stringify(notification));
  // Made once, so that every attempt sends the same bytes and the same signature.
  const sent = requestHeaders(body, signer, headers);
  const { leave, ...receiver } = await reach(target, path);
  try {
    const ended: Attempt[] = [];
    const ending = attempts({ ...receiver, headers: sent, body }, persistence);
    for await (const { result } of ending) ended.push(result);
    return ended;
  } finally {
    await leave();
  }
}

const NAMES: readonly (keyof DeliverOptions)[] = [
  "path",
  "headers",
  "apiKey",
  "customerId",
  "waits",
  "timeout",
];

function resolveOptions(options: Readonly<DeliverOptions>) {
  refuseUnknownAndUndefined(options, NAMES);
  const { path, headers = {}, apiKey, customerId = CUSTOMER_ID } = options;
  const { waits = TELESIGN_WAITS, timeout = TELESIGN_TIMEOUT } = options;
  // Checked even without a key, so that a bad ID shows before a key is set.
  checkCustomerId("customerId", customerId);
  return {
    path,
    headers: checkHeaders("headers", headers, apiKey),
    persistence: checkPersistence(waits, timeout),
    signer: { apiKey, customerId },
  };
}
