import { timingSafeEqual } from "node:crypto";

import { createSigner, type Signer } from "./signer.js";

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
 * @throws TypeError if there is no key, or one decodes to nothing, since anyone could sign with it,
 *   or if the body is neither bytes nor a string
 * @see https://developer.telesign.com/enterprise/docs/authenticate-callbacks
 */
export function verifySignature(
  body: Buffer | string,
  header: string | undefined,
  apiKey: string | string[],
): boolean {
  return isSigned(body, [header], signersOf(apiKey));
}

/**
 * A signer for each API key, for {@link isSigned}.
 *
 * @throws TypeError if there is no key, or one decodes to nothing
 */
export function signersOf(apiKey: unknown): Signer[] {
  const keys = (Array.isArray(apiKey) ? Array.from<unknown>(apiKey) : [apiKey]).map(decode);
  if (keys.length === 0) throw new TypeError("apiKey must hold at least one API key");
  return keys.map(createSigner);
}

function decode(apiKey: unknown): Buffer {
  if (typeof apiKey !== "string") throw new TypeError("apiKey must be a string or a string[]");
  // TeleSign's SDK decodes as MIME does: it skips - and _. Buffer would read them as + and /.
  const key = Buffer.from(apiKey.replace(/[^A-Za-z0-9+/=]/g, ""), "base64");
  if (key.length === 0)
    throw new TypeError("apiKey must be base64, as TeleSign shows it, and not empty");
  return key;
}

/** Whether any header holds a signature for `body` by any of the signers. */
export function isSigned(
  body: Buffer | string,
  headers: readonly HeaderValue[],
  signers: readonly Signer[],
): boolean {
  // Made on demand, because a stranger without a signature must not make us compute one.
  let expected: Buffer[] | undefined;
  for (const signature of signaturesIn(headers)) {
    expected ??= signers.map((sign) => Buffer.from(sign(body)));
    if (expected.some((right) => timingSafeEqual(signature, right))) return true;
  }
  return false;
}

/**
 * The signature that TeleSign puts in its headers.
 *
 * @throws TypeError if the key decodes to nothing
 */
export function signatureOf(body: Buffer | string, apiKey: string): string {
  return createSigner(decode(apiKey))(body);
}

// The base64 of 32 bytes. Nothing else may reach timingSafeEqual, which throws if lengths differ.
const SIGNATURE = /^(?:TSA [^:]*:)?([A-Za-z0-9+/]{43}=)$/i;
/** Bounds the work that a stranger's headers cause. */
const MOST_SIGNATURES = 10;

/** Repeated headers may come joined by a comma, which no signature and no Customer ID contains. */
function* signaturesIn(headers: readonly HeaderValue[]): Generator<Buffer> {
  let count = 0;
  for (const header of headers) {
    for (const value of String(header ?? "").split(",", MOST_SIGNATURES)) {
      const [, signature] = SIGNATURE.exec(value.trim()) ?? [];
      if (signature === undefined) continue;
      if (count === MOST_SIGNATURES) return;
      count += 1;
      yield Buffer.from(signature);
    }
  }
}
