import { createHmac, createSecretKey, hash } from "node:crypto";
import { types } from "node:util";

/** Signs bodies with one key. A string is encoded as UTF-8. */
export type Signer = (body: Buffer | string) => string;

/** The size of a block of SHA-256, in bytes. */
const BLOCK = 64;
/** The size of a digest of SHA-256, in bytes. */
const DIGEST = 32;
/** The longest body to hash beside the key, in bytes. Longer ones are rare. */
const MOST = 8_192;

/**
 * Makes a function that returns base64 of HMAC-SHA256 (RFC 2104). `createHmac` would leave an
 * object with native memory behind each time, and collecting those costs more than hashing.
 *
 * @throws TypeError, when it signs, if the body is neither bytes nor a string
 */
export function createSigner(key: Buffer): Signer {
  const secret = createSecretKey(key);
  const short = key.length > BLOCK ? hash("sha256", key, "buffer") : key;
  // Kept, because `Buffer.concat` would leave the key in memory that other Buffers share.
  const inner = padded(short, 0x36, MOST);
  const outer = padded(short, 0x5c, DIGEST);

  function sign(body: Buffer | string): string {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    if (!types.isUint8Array(bytes)) throw new TypeError("body must be a Buffer or a string");
    if (bytes.length > MOST) return createHmac("sha256", secret).update(bytes).digest("base64");
    inner.set(bytes, BLOCK);
    outer.set(hash("sha256", inner.subarray(0, BLOCK + bytes.length), "buffer"), BLOCK);
    return hash("sha256", outer, "base64");
  }

  // Node 20.11 and earlier have no `hash`: fail now, and not with the first callback.
  sign("");
  return sign;
}

/** A block with every byte of the key changed by `pad`, and room for what is hashed with it. */
function padded(key: Buffer, pad: number, room: number): Buffer {
  const bytes = Buffer.alloc(BLOCK + room);
  bytes.fill(pad, 0, BLOCK);
  for (const [index, byte] of key.entries()) bytes.writeUInt8(byte ^ pad, index);
  return bytes;
}
