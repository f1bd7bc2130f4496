import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from "node:crypto";

/** A key of 32 bytes, as base64 or a Buffer, or several keys. */
export type EncryptionKey = string | Buffer | readonly (string | Buffer)[];

/** Encrypts and decrypts texts, each bound to a reference that is stored beside it in the clear. */
export interface Encryption {
  /** The sealed text, as base64. */
  seal(text: string, reference: string): string;
  /** The text; undefined if no key opens it, or if it was sealed for another reference. */
  open(sealed: string, reference: string): string | undefined;
}

const ALGORITHM = "aes-256-gcm";
const KEY_LENGTH = 32;
// NIST SP 800-38D: a random nonce has at least 96 bits (8.2.2). The longest tag has 128 (5.2.1.2).
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/**
 * Makes the encryption: AES-256-GCM with a random nonce for each text.
 *
 * @throws TypeError that quotes no key, if one is bad
 */
export function createEncryption(given: EncryptionKey): Encryption {
  const [first, ...others] = [given].flat().map(toKey);
  if (!first) throw new TypeError("encryptionKey must hold at least one key");
  const keys = [first, ...others];

  function seal(text: string, reference: string): string {
    const nonce = randomBytes(NONCE_LENGTH);
    const cipher = createCipheriv(ALGORITHM, keys[0]!, nonce, { authTagLength: TAG_LENGTH });
    cipher.setAAD(Buffer.from(reference));
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
  }

  function open(sealed: string, reference: string): string | undefined {
    const bytes = Buffer.from(sealed, "base64");
    if (bytes.length < NONCE_LENGTH + TAG_LENGTH) return undefined;
    for (const key of keys) {
      const text = openWith(key, bytes, reference);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  return { seal, open };
}

function openWith(key: KeyObject, sealed: Buffer, reference: string): string | undefined {
  const nonce = sealed.subarray(0, NONCE_LENGTH);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(Buffer.from(reference));
  decipher.setAuthTag(sealed.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH));
  const body = decipher.update(sealed.subarray(NONCE_LENGTH + TAG_LENGTH));
  try {
    return Buffer.concat([body, decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

function toKey(given: unknown): KeyObject {
  // Strict, because Buffer.from skips whatever is not base64.
  const isText = typeof given === "string" && /^[A-Za-z0-9+/]{43}=?$/.test(given);
  const bytes = isText ? Buffer.from(given, "base64") : given;
  if (Buffer.isBuffer(bytes) && bytes.length === KEY_LENGTH) return createSecretKey(bytes);
  throw new TypeError(
    "encryptionKey must be 32 bytes, as base64 or a Buffer, or an array of such keys; " +
      "make one with: openssl rand -base64 32",
  );
}
