import { createHash } from "node:crypto";

/**
 * The key under which an inbox remembers a reference: the reference itself or, if it is long or has
 * unusual characters, which only a custom schema lets through, its hash.
 */
export function referenceKey(reference: string): string {
  if (/^[\w-]{1,128}$/.test(reference)) return reference;
  // As UTF-16, since UTF-8 has the same bytes for every lone surrogate.
  const hash = createHash("sha256").update(Buffer.from(reference, "utf16le")).digest("base64url");
  // A reference that contains "=" is always hashed, so nobody can send one that equals this key.
  return `=${hash}`;
}
