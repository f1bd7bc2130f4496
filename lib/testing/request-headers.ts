import { validateHeaderName, validateHeaderValue } from "node:http";

import { isPlain } from "../option-checks.js";
import { sign } from "./sign.js";

/** HTTP headers by name. An array sends the header once for each of its strings. */
export type HeadersToSend = Readonly<Record<string, string | readonly string[]>>;

/** The body and the connection determine these; another value would break the request. */
const FRAMING = ["connection", "content-length", "trailer", "transfer-encoding"];

const SIGNATURE = ["authorization", "x-ts-authorization"];

/**
 * Checks the headers that a user adds to a callback.
 *
 * @param option the name of the option that holds them, for the error
 * @param apiKey what the callback is signed with, if it is
 * @throws TypeError naming the option and quoting no header
 */
export function checkHeaders(option: string, headers: unknown, apiKey?: string): HeadersToSend {
  if (!isHeaders(headers)) {
    throw new TypeError(`${option} must be valid names and values of HTTP headers, Host only once`);
  }
  if (names(headers).some((name) => FRAMING.includes(name))) {
    const framing = "Connection, Content-Length, Trailer or Transfer-Encoding";
    throw new TypeError(`${option} must not hold ${framing}: the request has its own`);
  }
  if (apiKey !== undefined && names(headers).some((name) => SIGNATURE.includes(name))) {
    const signature = "Authorization or X-TS-Authorization";
    throw new TypeError(`${option} must not hold ${signature}: the API key makes them`);
  }
  return headers;
}

/** What a callback is signed with. */
export interface Signer {
  /** Without it the callback is not signed. */
  readonly apiKey: string | undefined;
  readonly customerId: string;
}

/** All headers of a callback. A `Content-Type` that the user gives replaces TeleSign's. */
export function requestHeaders(
  body: Buffer,
  { apiKey, customerId }: Signer,
  given: HeadersToSend,
): Record<string, string | string[]> {
  const headers: HeadersToSend = {
    // Node sends one header if two names differ only in case: the last one.
    "Content-Type": "application/json",
    "Content-Length": String(body.length),
    ...(apiKey !== undefined && sign(body, { apiKey, customerId })),
    ...given,
  };
  const copies = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === "string" ? value : [...value],
  ]);
  return Object.fromEntries(copies) as Record<string, string | string[]>;
}

function names(headers: HeadersToSend): string[] {
  return Object.keys(headers).map((name) => name.toLowerCase());
}

function isHeaders(headers: unknown): headers is HeadersToSend {
  return isPlain(headers) && Object.entries(headers).every(isHeader);
}

function isHeader([name, value]: [string, unknown]): boolean {
  // http.request throws when it gets an array of hosts.
  if (name.toLowerCase() === "host" && Array.isArray(value)) return false;
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.every((text) => typeof text === "string" && canBeSent(name, text));
}

function canBeSent(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return true;
  } catch {
    return false;
  }
}
