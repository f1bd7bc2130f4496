/// <reference types="node" preserve="true" />

import { randomBytes } from "node:crypto";

import type { MessageNotification } from "../receive/notification.js";

export type { MessageNotification } from "../receive/notification.js";
export type { Attempt } from "./attempts.js";
export { deliver, type DeliverOptions } from "./deliver.js";
export type { HeadersToSend } from "./request-headers.js";
export { sign, type SignedHeaders, type SignOptions } from "./sign.js";
export type { DeliverTarget } from "./target.js";

/**
 * Makes a notification that TeleSign could send now: a fresh `mo_reference_id`, the current time of
 * `Date` (which follows fake timers), and otherwise the values of TeleSign's documented example.
 *
 * @param overrides properties to change or to add
 *
 * @example
 * import { notification } from "telesign-callback/testing";
 *
 * const question = notification({ mo_message: "Where are you?" });
 */
export function notification(overrides: Partial<MessageNotification> = {}): MessageNotification {
  return {
    // With microseconds and without a zone, as TeleSign writes it.
    submit_timestamp: new Date().toISOString().replace("Z", "000"),
    from_phone_number: "15551234",
    mo_message: "I am standing at the corner wearing a blue shirt",
    mo_reference_id: randomBytes(16).toString("hex").toUpperCase(),
    session_reference_id: "B5862A14363C016C8832D53625270015",
    to_phone_number: "15554567",
    ...overrides,
  };
}
