import { hash } from "node:crypto";

/** Signs bodies with one key. A string is encoded as UTF-8. */
export type Signer = (body: Buffer | string) => string;

/** The size of a block of SHA-256, in bytes. */
const BLOCK = 64;

/**
 * Makes a function that returns base64 of HMAC-SHA256 (RFC 2104). `createHmac` would leave an
 * object with native memory behind each time, and collecting those costs more than hashing.
 */
export function createSigner(key: Buffer): Signer {
  const short = key.length > BLOCK ? hash("sha256", key, "buffer") : key;
  const padded = Buffer.concat([short, Buffer.alloc(BLOCK)], BLOCK);
  const inner = padded.map((byte) => byte ^ 0x36);
  const outer = padded.map((byte) => byte ^ 0x5c);
  return function sign(body) {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const digest = hash("sha256", Buffer.concat([inner, bytes]), "buffer");
    return hash("sha256", Buffer.concat([outer, digest]), "base64");
  };
}
