import Joi from "joi";

import { isTimestamp } from "./delivery.js";
import { Rejection, type FieldError } from "./rejection.js";

/**
 * One text between two users. Properties keep TeleSign's names; whatever else TeleSign sends is
 * kept beside them. Listeners share the object, so it is frozen, its nested values excepted.
 *
 * @see "Number Masking API - Obtain Transaction Status Results", Notification Schema
 */
export interface MessageNotification {
  /** When it was sent: ISO 8601 to the microsecond, UTC without saying so. See `submittedAt`. */
  readonly submit_timestamp: string;
  /** Who sent it: digits with the country code, at most 15. */
  readonly from_phone_number: string;
  /** The text, unaltered. May be empty, may hold any character. */
  readonly mo_message: string;
  /** The idempotency key, equal on every retry: 32 alphanumerics. TeleSign says hex; its example is not. */
  readonly mo_reference_id: string;
  /** The anonymous session: 32 alphanumerics, the `reference_id` that creating the session returned. */
  readonly session_reference_id: string;
  /** Who it is for: digits with the country code, at most 15. */
  readonly to_phone_number: string;
  /** What TeleSign may add one day. */
  readonly [property: string]: unknown;
}

const text = Joi.string().required();
const reference = text.pattern(/^[A-Za-z0-9]{32}$/);
const phoneNumber = text.pattern(/^\+?\d{1,15}$/);
// Not Joi's isoDate(): it rewrites the text, drops the microseconds and reads the server's time zone.
const timestamp = text.custom((value: string, { error }) =>
  isTimestamp(value) ? value : error("string.isoDate"),
);

/**
 * The six documented properties, all required strings, never coerced, trimmed or altered: references
 * of 32 alphanumeric characters, phone numbers of 1 to 15 digits with an optional `+`, an ISO 8601
 * date and time, any text. Other properties pass: one that TeleSign adds must not cost a message.
 *
 * To be stricter, extend it and pass the result as the `schema` option:
 *
 * @example
 * const schema = notificationSchema.keys({ mo_message: Joi.string().max(1600).required() });
 * app.use(telesignCallback({ schema }));
 */
export const notificationSchema: Joi.ObjectSchema<MessageNotification> =
  // The keys last: Joi copies them with each call that follows.
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

/** Turns a body into a notification; see {@link createParser}. */
export type NotificationParser = (body: Buffer | object) => MessageNotification;

/**
 * Makes the function that turns a body into a frozen notification or throws a {@link Rejection}. It
 * takes the bytes, or the object that an earlier JSON parser made of them.
 */
export function createParser(schema: Joi.Schema): NotificationParser {
  // On the schema instead of each call, where Joi would merge the preferences every time. Nothing in
  // ours is converted; to look for what might be was 4 % of the CPU time of a callback ahead of an app.
  const convert = schema !== notificationSchema;
  const thorough = schema.prefs({ abortEarly: false, convert });
  const names = namesIn(schema);

  return function parseNotification(body) {
    const sent = Buffer.isBuffer(body) ? parseJson(body) : body;
    if (typeof sent !== "object" || sent === null || Array.isArray(sent)) {
      throw new Rejection("object");
    }
    if (namesPrototype(sent)) throw new Rejection("prototype");
    // The result gets frozen and may be what went in: not the app's own `req.body`.
    const result = validate(thorough, sent === body ? { ...sent } : sent);
    if (result.error) throw new Rejection("schema", fieldErrors(result.error, names));
    const value: unknown = result.value;
    if (!hasReference(value)) {
      // Made here, because only a schema of the app's own gets this far without a reference.
      const complete = Joi.object({ mo_reference_id: text }).unknown().required();
      throw new Rejection("schema", fieldErrors(complete.validate(value).error, names));
    }
    return Object.freeze(value);
  };
}

// Strict, because a replacement character would alter a text; drops a byte order mark (RFC 8259, 8.1).
const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    // JSON.parse quotes the body in its error, so that goes no further.
    throw new Rejection("json");
  }
}

/** Whether `__proto__` or `constructor.prototype` is a key at any depth. */
function namesPrototype(sent: object): boolean {
  // A set grows while it is walked, and holds each value once: nesting may be deep, or cyclic where
  // earlier middleware has made it so.
  const values = new Set<object>([sent]);
  for (const object of values) {
    for (const key in object) {
      const value = (object as Record<string, unknown>)[key];
      if (key === "__proto__") return true;
      if (typeof value !== "object" || value === null) continue;
      if (key === "constructor" && Object.hasOwn(value, "prototype")) return true;
      values.add(value);
    }
  }
  return false;
}

function validate(schema: Joi.Schema, sent: object): Joi.ValidationResult {
  try {
    return schema.validate(sent);
  } catch {
    // A rule of the user's own threw, perhaps with the text in its message.
    throw new Rejection("schema");
  }
}

/** Whatever else a user's own schema lets through, the inbox cannot do without the reference. */
function hasReference(value: unknown): value is MessageNotification {
  return (
    typeof value === "object" &&
    value !== null &&
    "mo_reference_id" in value &&
    typeof value.mo_reference_id === "string" &&
    value.mo_reference_id !== ""
  );
}

/** Every failing field once, without Joi's own error: that one repeats the values. */
function fieldErrors(error: Error | undefined, names: ReadonlySet<string>): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const { path = [], type: rule = "" } of detailsOf(error)) {
    if (path.length === 0) continue;
    const isKnown = path.every((name) => typeof name === "number" || names.has(name));
    const field = isKnown ? path.join(".") : "(unknown)";
    errors.set(`${field} ${rule}`, { field, rule });
  }
  return [...errors.values()];
}

/** What an error says of the fields. One that a schema made up itself may say anything. */
function detailsOf(error: Error | undefined): readonly Partial<Joi.ValidationErrorItem>[] {
  const details: Joi.ValidationErrorItem[] | undefined = Joi.isError(error) ? error.details : [];
  return details ?? [];
}

/** Every property name in a schema, however deep: the names that are not the sender's invention. */
function namesIn(schema: Joi.Schema): Set<string> {
  const names = new Set(["mo_reference_id"]);
  const parts = new Set<object>([schema.describe()]);
  for (const part of parts) {
    for (const [property, value] of Object.entries<unknown>({ ...part })) {
      if (typeof value !== "object" || value === null) continue;
      if (property === "keys") for (const name in value) names.add(name);
      parts.add(value);
    }
  }
  return names;
}
