/// <reference types="node" preserve="true" />

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, Server, type RequestListener } from "node:http";
import { URL } from "node:url";

import {
  attempts,
  LONGEST_WAIT,
  TELESIGN_TIMEOUT,
  TELESIGN_WAITS,
  type Attempt,
  type Persistence,
} from "./attempts.js";
import { CUSTOMER_ID, CUSTOMER_ID_RULE, isCustomerId } from "./customer-id.js";
import type { MessageNotification } from "../receive/notification.js";
import { refuseUnknownAndUndefined } from "../option-checks.js";
import { addressOf } from "./server-address.js";
import { signatureOf } from "../receive/signature.js";

export type { Attempt } from "./attempts.js";
export type { MessageNotification } from "../receive/notification.js";

/** With what a callback is signed. */
export interface SignOptions {
  /** The API key, as TeleSign's portal shows it. */
  apiKey: string;
  /**
   * The Customer ID, which is named beside the signature and not part of it.
   * @default TeleSign's documented placeholder
   */
  customerId?: string;
}

/**
 * The headers that TeleSign puts on a signed callback: `Authorization: TSA {Customer ID}:{signature}`
 * and `X-TS-Authorization: {signature}`.
 */
export type SignedHeaders = Readonly<Record<"Authorization" | "X-TS-Authorization", string>>;

/** How {@link deliver} behaves. An option that is given but `undefined` is refused. */
export interface DeliverOptions {
  /** The API key to sign with. Without it the callback is not signed. */
  apiKey?: string;
  /**
   * The Customer ID of a signed callback.
   * @default TeleSign's documented placeholder
   */
  customerId?: string;
  /**
   * How long to wait after each failed attempt, in milliseconds: one attempt more than there are
   * waits, so `[]` is a single attempt, and `[0, 0]` three in a row.
   * @default [10_000, 30_000]
   */
  waits?: readonly number[];
  /**
   * How long to wait for the whole answer, in milliseconds.
   * @default 5_000
   */
  timeout?: number;
}

/** Where {@link deliver} delivers to. An Express app is a `RequestListener`. */
export type DeliverTarget = string | URL | Server | RequestListener;

/**
 * A notification as TeleSign would send it now: a fresh `mo_reference_id`, the time of the call, and
 * TeleSign's documented example for the rest.
 *
 * @param overrides what should differ, and whatever else should be in it
 *
 * @example
 * import { notification } from "telesign-callback/testing";
 *
 * const question = notification({ mo_message: "Where are you?" });
 */
export function notification(overrides: Partial<MessageNotification> = {}): MessageNotification {
  return {
    // To the microsecond and without a zone, as TeleSign writes it.
    submit_timestamp: new Date().toISOString().replace("Z", "000"),
    from_phone_number: "15551234",
    mo_message: "I am standing at the corner wearing a blue shirt",
    mo_reference_id: randomBytes(16).toString("hex").toUpperCase(),
    session_reference_id: "B5862A14363C016C8832D53625270015",
    to_phone_number: "15554567",
    ...overrides,
  };
}

/**
 * The headers with which TeleSign signs a callback: base64 of HMAC-SHA256 over the raw bytes of the
 * body, keyed with the decoded API key.
 *
 * @param body the bytes that will be sent; a string is taken as UTF-8
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
  checkCustomerId(customerId);
  const signature = signatureOf(body, apiKey);
  return { Authorization: `TSA ${customerId}:${signature}`, "X-TS-Authorization": signature };
}

function checkCustomerId(customerId: unknown): void {
  if (!isCustomerId(customerId)) throw new TypeError(`customerId ${CUSTOMER_ID_RULE}`);
}

/**
 * Delivers a notification as TeleSign does: anything but 200 is a failure, and a failed attempt is
 * repeated after each of the `waits`, the same bytes and the same signature every time.
 *
 * A server that listens gets it at its own address. For a request listener, such as an Express app,
 * and for a server that does not listen yet, a server of its own listens on 127.0.0.1 and hands them
 * the requests; yours is left as it was found. It posts to `/`; for a path of your own pass the URL,
 * which must have no user name and no password.
 *
 * @returns the attempts, the last of which has `status: 200` if the delivery succeeded
 * @throws TypeError, as a rejection, if an argument is bad or an option is bad or unknown
 *
 * @example
 * import express from "express";
 * import { telesignCallback } from "telesign-callback";
 * import { deliver, notification } from "telesign-callback/testing";
 *
 * const app = express().use(telesignCallback({ onMessage: console.log }));
 * const [first] = await deliver(app, notification());
 * console.log(first?.status); // 200
 */
export async function deliver(
  target: DeliverTarget,
  notification: object,
  options: Readonly<DeliverOptions> = {},
): Promise<Attempt[]> {
  const persistence = persistenceOf(options);
  if (typeof notification !== "object" || notification === null) {
    throw new TypeError("notification must be an object");
  }
  const body = Buffer.from(JSON.stringify(notification));
  // Once, so that every attempt carries the same bytes and the same signature.
  const signature = signatureOver(body, options);
  const { url, leave } = await reach(target);
  try {
    const ended: Attempt[] = [];
    const ending = attempts({ url, body, signature }, persistence);
    for await (const attempt of ending) ended.push(attempt);
    return ended;
  } finally {
    await leave();
  }
}

function signatureOver(body: Buffer, { apiKey, customerId = CUSTOMER_ID }: DeliverOptions) {
  // Without a key too, so that it is not found to be bad on the day that one is set.
  checkCustomerId(customerId);
  return apiKey === undefined ? {} : sign(body, { apiKey, customerId });
}

function persistenceOf(options: Readonly<DeliverOptions>): Persistence {
  refuseUnknownAndUndefined(options, ["apiKey", "customerId", "waits", "timeout"]);
  const { waits = TELESIGN_WAITS, timeout = TELESIGN_TIMEOUT } = options;
  if (!Array.isArray(waits) || !waits.every(isWait)) {
    throw new TypeError("waits must be an array of whole numbers of milliseconds, 24 days at most");
  }
  if (timeout === 0 || !isWait(timeout)) {
    throw new TypeError("timeout must be a whole number of milliseconds above 0, 24 days at most");
  }
  return { waits, timeout };
}

function isWait(wait: unknown): boolean {
  return typeof wait === "number" && Number.isInteger(wait) && wait >= 0 && wait <= LONGEST_WAIT;
}

/** A receiver that can be reached, and how to leave it as it was found. */
interface Receiver {
  readonly url: URL;
  readonly leave: () => unknown;
}

async function reach(target: DeliverTarget): Promise<Receiver> {
  if (typeof target === "function") return serve(target);
  if (!(target instanceof Server)) return { url: urlOf(target), leave() {} };
  if (target.listening) return { url: addressOf(target), leave() {} };
  // Not told to listen: its user may just have done so, and it then looks the host name up first.
  return serve((req, res) => target.emit("request", req, res));
}

async function serve(listener: RequestListener): Promise<Receiver> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: addressOf(server), leave: () => stop(server) };
}

function urlOf(target: string | URL): URL {
  // A new one of node:url's, because http.request does not know the URL of jsdom.
  const url = URL.canParse(String(target)) ? new URL(String(target)) : undefined;
  if (!url || !/^https?:/.test(url.protocol)) {
    throw new TypeError("target must be an http or https URL, a server or a request listener");
  }
  // They would be an Authorization header, which is where TeleSign's signature goes.
  if (url.username || url.password) {
    throw new TypeError("target must have no user name and no password");
  }
  return url;
}

function stop(server: Server): Promise<unknown> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  return closed;
}
