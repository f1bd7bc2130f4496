import { createHmac, randomBytes } from "node:crypto";

/** What must not appear in anything that the package, or an observer of it, records. */
export const SECRETS = {
  "the sender's number": "15550104477",
  "the recipient's number": "15550108899",
  "the text": "meet me at the old mill",
  "the API key": "cHJpdmF0ZS1rZXktb2YtdGhpcy1zcGVjLW9ubHktMDEyMzQ1Njc4OQ==",
  "the private path": "9d1c7e-secret-door",
};

/** A notification that is made of the secrets. */
export function secretMessage() {
  return {
    submit_timestamp: "2018-02-12T14:57:11.765723",
    from_phone_number: SECRETS["the sender's number"],
    mo_message: SECRETS["the text"],
    mo_reference_id: randomBytes(16).toString("hex"),
    session_reference_id: "0123456789ABCDEF0123456789ABCDEF",
    to_phone_number: SECRETS["the recipient's number"],
  };
}

/** A header with TeleSign's signature for this body. */
export function signatureOf(body: string) {
  const key = Buffer.from(SECRETS["the API key"], "base64");
  return { "X-TS-Authorization": createHmac("sha256", key).update(body).digest("base64") };
}

/** The names of the secrets that a record holds, as they are or as bytes printed in hex. */
export function secretsIn(record: string): string[] {
  return Object.entries(SECRETS).flatMap(([name, secret]) => {
    const hex = Buffer.from(secret).toString("hex");
    const printed = hex.match(/../g)?.slice(0, 8).join(" ") ?? hex;
    return [secret, hex, printed].some((form) => record.includes(form)) ? [name] : [];
  });
}
