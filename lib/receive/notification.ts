import Joi from "joi";

import { parseTimestamp } from "./timestamp.js";

/**
 * One text between two users. Properties keep TeleSign's names; others that TeleSign sends are kept
 * too. Listeners share the object, so it is frozen, except for nested values.
 *
 * @see TeleSign's page "Number Masking - Callback service", Notification Schema
 */
export interface MessageNotification {
  /** When it was sent: ISO 8601 to the microsecond, in UTC without a zone. See `submittedAt`. */
  readonly submit_timestamp: string;
  /** Sender's phone number: digits with the country code, at most 15. */
  readonly from_phone_number: string;
  /** The text, unaltered. It may be empty and may contain any character. */
  readonly mo_message: string;
  /** The idempotency key, equal on every retry: 32 alphanumerics, although TeleSign says hex. */
  readonly mo_reference_id: string;
  /** The anonymous session: the `reference_id` returned when it was made, 32 alphanumerics. */
  readonly session_reference_id: string;
  /** Recipient's phone number: digits with the country code, at most 15. */
  readonly to_phone_number: string;
  /** Properties that TeleSign may add. */
  readonly [property: string]: unknown;
}

export const REFERENCE = /^[A-Za-z0-9]{32}$/;
export const PHONE_NUMBER = /^\+?\d{1,15}$/;

const text = Joi.string().required();
const reference = text.pattern(REFERENCE);
const phoneNumber = text.pattern(PHONE_NUMBER);
// Not Joi's isoDate(): it rewrites the text, drops microseconds and assumes the server's time zone.
const timestamp = text.custom((value: string, { error }) =>
  parseTimestamp(value) ? value : error("string.isoDate"),
);

/**
 * The six documented properties, all required strings, never coerced, trimmed or altered:
 * references of 32 alphanumeric characters, phone numbers of 1 to 15 digits after an optional `+`,
 * an ISO 8601 date and time, and any text, even an empty one. Other properties pass: one that
 * TeleSign adds must not cost a message. To be stricter, extend it for the `schema` option.
 *
 * @example
 * const mo_message = Joi.string().allow("").max(1600).required();
 * app.use(telesignCallback({ schema: notificationSchema.keys({ mo_message }) }));
 */
export const notificationSchema: Joi.ObjectSchema<MessageNotification> =
  // The keys last, because Joi copies them with each call that follows.
  Joi.object<MessageNotification>()
    .unknown(true)
    .required()
    .keys({
      submit_timestamp: timestamp,
      from_phone_number: phoneNumber,
      mo_message: text.allow(""),
      mo_reference_id: reference,
      session_reference_id: reference,
      to_phone_number: phoneNumber,
    });
