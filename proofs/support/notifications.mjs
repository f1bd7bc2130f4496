import { createHmac } from "node:crypto";

export const PATH = "/telesign/4f9d0c";

/** The placeholder for an API key in TeleSign's documentation. */
export const API_KEY =
  "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const CUSTOMER_ID = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";

/** The 32 characters of the reference with this number. */
export function referenceOf(number) {
  return `SA9WUKGP3TGRCQSRMS78QV5M${String(number).padStart(8, "0")}`;
}

/** The number of the reference. */
export function numberOf(reference) {
  return Number(reference.slice(-8));
}

/** TeleSign's documented payload, with the reference of this number and, if given, another text. */
export function bodyOf(number, text = "I am standing at the corner wearing a blue shirt") {
  return JSON.stringify({
    submit_timestamp: "2018-02-12T14:57:11.765723",
    from_phone_number: "15551234",
    mo_message: text,
    mo_reference_id: referenceOf(number),
    session_reference_id: "B5862A14363C016C8832D53625270015",
    to_phone_number: "15554567",
  });
}

/** TeleSign's headers on a signed callback. */
export function signatureHeaders(body, apiKey) {
  const key = Buffer.from(apiKey, "base64");
  const signature = createHmac("sha256", key).update(body).digest("base64");
  return {
    Authorization: `TSA ${CUSTOMER_ID}:${signature}`,
    "X-TS-Authorization": signature,
  };
}

/** The bytes of a whole request, signed if there is a key. */
export function requestOf(body, apiKey) {
  const headers = {
    Host: "localhost",
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    ...(apiKey && signatureHeaders(body, apiKey)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${PATH} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}
