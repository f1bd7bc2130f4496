import { refuseUnknownAndUndefined } from "../option-checks.js";
import { signatureOf } from "../receive/signature.js";

/** Options of {@link sign}. */
export interface SignOptions {
  /** The API key, as TeleSign's portal shows it. */
  apiKey: string;
  /**
   * The Customer ID. The `Authorization` header names it; the signature does not cover it.
   * @default TeleSign's documented placeholder
   */
  customerId?: string;
}

/**
 * The headers of a signed callback: `Authorization: TSA {Customer ID}:{signature}` and
 * `X-TS-Authorization: {signature}`.
 */
export type SignedHeaders = Readonly<Record<"Authorization" | "X-TS-Authorization", string>>;

/** TeleSign's documented placeholder for a Customer ID. */
export const CUSTOMER_ID = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";

/**
 * Signs a body as TeleSign does: base64 of HMAC-SHA256 over the raw bytes, keyed with the decoded
 * API key.
 *
 * @param body the bytes that will be sent; a string is encoded as UTF-8
 * @returns the two headers of a signed callback
 * @throws TypeError if an option is bad or unknown
 * @see https://developer.telesign.com/enterprise/docs/authenticate-callbacks
 *
 * @example
 * import { notification, sign } from "telesign-callback/testing";
 *
 * const body = JSON.stringify(notification());
 * const headers = { ...sign(body, { apiKey: "c2VjcmV0" }), "Content-Type": "application/json" };
 * await fetch("http://127.0.0.1:3000/telesign", { method: "POST", headers, body });
 */
export function sign(body: Buffer | string, options: Readonly<SignOptions>): SignedHeaders {
  refuseUnknownAndUndefined(options, ["apiKey", "customerId"]);
  const { apiKey, customerId = CUSTOMER_ID } = options;
  if (typeof apiKey !== "string") throw new TypeError("apiKey must be a string");
  checkCustomerId("customerId", customerId);
  const signature = signatureOf(body, apiKey);
  return { Authorization: `TSA ${customerId}:${signature}`, "X-TS-Authorization": signature };
}

/**
 * Checks that a Customer ID can stand in the `Authorization` header.
 *
 * @throws TypeError naming the option
 */
export function checkCustomerId(name: string, value: unknown): void {
  if (typeof value === "string" && /^[\w-]+$/.test(value)) return;
  throw new TypeError(`${name} must be letters, digits and hyphens, as TeleSign shows it`);
}
