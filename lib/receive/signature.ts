import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from "node:crypto";

/** A header of a callback. Serverless adapters that do not join repeated headers give an array. */
type HeaderValue = string | readonly string[] | undefined;

/**
 * Whether `header` holds TeleSign's signature for `body`: base64 of HMAC-SHA256 over the raw bytes,
 * keyed with the decoded API key. Takes the value of either header,
 * `Authorization: TSA {Customer ID}:{signature}` or `X-TS-Authorization: {signature}`. A malformed
 * header is `false`, not a throw. A replayed request also verifies, because no signature expires.
 *
 * @param body the raw bytes; a string is encoded as UTF-8
 * @param apiKey one API key, or several while a key is rotated
 * @throws TypeError if a key is empty or decodes to nothing, since anyone could sign with it
 * @see https://developer.telesign.com/enterprise/docs/authenticate-callbacks
 */
export function verifySignature(
  body: Buffer | string,
  header: string | undefined,
  apiKey: string | string[],
): boolean {
  return isSigned(body, [header], keysOf(apiKey));
}

/**
 * Decodes API keys for {@link isSigned}, once: making a key object costs more than using it.
 *
 * @throws TypeError if there is no key, or one is empty or decodes to nothing
 */
export function keysOf(apiKey: unknown): KeyObject[] {
  const keys = (Array.isArray(apiKey) ? Array.from<unknown>(apiKey) : [apiKey]).map(decode);
  if (keys.length === 0) throw new TypeError("apiKey must hold at least one API key");
  return keys.map((key) => createSecretKey(key));
}

function decode(apiKey: unknown): Buffer {
  if (typeof apiKey !== "string") throw new TypeError("apiKey must be a string or a string[]");
  // TeleSign's SDK decodes as MIME does: it skips - and _. Buffer would read them as + and /.
  const key = Buffer.from(apiKey.replace(/[^A-Za-z0-9+/=]/g, ""), "base64");
  if (key.length === 0) throw new TypeError("apiKey must be base64, as TeleSign shows it");
  return key;
}

/** Whether any header holds a signature for `body` that was made with any of the keys. */
export function isSigned(
  body: Buffer | string,
  headers: readonly HeaderValue[],
  keys: readonly KeyObject[],
): boolean {
  const signatures = signaturesIn(headers);
  // A stranger without a signature must not make us compute one.
  if (signatures.length === 0) return false;
  return keys.some((key) => {
    const expected = Buffer.from(hmacOf(body, key));
    return signatures.some((signature) => timingSafeEqual(signature, expected));
  });
}

/**
 * The signature that TeleSign puts in its headers.
 *
 * @throws TypeError if the key is empty or decodes to nothing
 */
export function signatureOf(body: Buffer | string, apiKey: string): string {
  return hmacOf(body, decode(apiKey));
}

function hmacOf(body: Buffer | string, key: KeyObject | Buffer): string {
  return createHmac("sha256", key).update(body).digest("base64");
}

// The base64 of 32 bytes. Nothing else may reach timingSafeEqual, which throws if lengths differ.
const SIGNATURE = /^[A-Za-z0-9+/]{43}=$/;
/** Bounds the work that a stranger's headers cause. */
const MOST_SIGNATURES = 10;

/** Repeated headers may come joined by a comma, which no signature and no Customer ID contains. */
function signaturesIn(headers: readonly HeaderValue[]): Buffer[] {
  return headers
    .flatMap((header) => String(header ?? "").split(",", MOST_SIGNATURES))
    .map((value) => value.trim().replace(/^TSA [^:]*:/i, ""))
    .filter((value) => SIGNATURE.test(value))
    .slice(0, MOST_SIGNATURES)
    .map((value) => Buffer.from(value));
}
