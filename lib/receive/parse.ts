import { TextDecoder } from "node:util";

import Joi from "joi";

import type { Body } from "./body.js";
import { notificationSchema, type MessageNotification } from "./notification.js";
import { isPlainlyValid } from "./plainly-valid.js";
import { namesPrototype } from "./prototype-keys.js";
import { Refusal, type FieldError } from "./rejection.js";
import { parseTimestamp } from "./timestamp.js";

/** What a body says. */
export interface Parsed {
  readonly message: MessageNotification;
  /** Undefined if `submit_timestamp` is unreadable, which a custom schema may allow. */
  readonly submittedAt: Date | undefined;
}

/** See {@link createParser}. */
export type NotificationParser = (body: Body) => Parsed;

/**
 * Makes the function that turns a body into a frozen notification, or throws a {@link Refusal}.
 */
export function createParser(schema: Joi.Schema): NotificationParser {
  const isOurs = schema === notificationSchema;
  // Set once, because Joi would merge the preferences again with each call. Its messages are not
  // rendered, because they may quote what was sent.
  const thorough = schema.prefs({ abortEarly: false, errors: { render: false } });
  // Collected on demand, because describing the schema would be most of the work of making a
  // callback.
  let names: ReadonlySet<string> | undefined;

  return function parseNotification(body) {
    const sent = Buffer.isBuffer(body) ? parseJson(body) : copyOf(body);
    if (typeof sent !== "object" || sent === null || Array.isArray(sent)) {
      throw new Refusal("object");
    }
    const submittedAt = isOurs ? submittedAtOf(sent) : undefined;
    if (isPlainlyValid(sent, submittedAt)) return { message: Object.freeze(sent), submittedAt };
    // Our own schema accepts nothing that comes this far, so Joi only has to say what is wrong with
    // the six properties. A stranger may have sent thousands of others.
    const result = validate(thorough, isOurs ? documentedPart(sent) : sent);
    if (result.error) {
      const reason = isOtherProduct(sent) ? "product" : "schema";
      throw new Refusal(reason, fieldErrors(result.error, (names ??= namesIn(schema))));
    }
    const value: unknown = result.value;
    if (!hasReference(value)) throw new Refusal("schema", referenceErrors(value));
    return { message: Object.freeze(value), submittedAt: submittedAtOf(value) };
  };
}

function submittedAtOf(sent: Partial<MessageNotification>): Date | undefined {
  return parseTimestamp(sent.submit_timestamp);
}

// Strict: a replacement character would alter a text. Drops a byte order mark (RFC 8259, 8.1).
const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(body: Buffer): unknown {
  let text: string;
  let sent: unknown;
  try {
    text = utf8.decode(body);
    sent = JSON.parse(text);
  } catch {
    // JSON.parse quotes the body in its error, so the error goes no further.
    throw new Refusal("json");
  }
  // A text without these letters or an escape names no prototype, so its keys need no search.
  if (text.includes("proto") || text.includes("\\u")) refusePrototypes(sent, false);
  return sent;
}

function documentedPart(sent: Partial<MessageNotification>) {
  return {
    submit_timestamp: sent.submit_timestamp,
    from_phone_number: sent.from_phone_number,
    mo_message: sent.mo_message,
    mo_reference_id: sent.mo_reference_id,
    session_reference_id: sent.session_reference_id,
    to_phone_number: sent.to_phone_number,
  };
}

/**
 * A copy of what an earlier parser left, because the app's own `req.body` must not be frozen. A
 * body that throws when it is read counts as consumed.
 */
function copyOf(body: object): unknown {
  try {
    refusePrototypes(body, true);
    return Array.isArray(body) ? body : { ...body };
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("consumed");
  }
}

function refusePrototypes(sent: unknown, mayBeCyclic: boolean): void {
  if (namesPrototype(sent, mayBeCyclic)) throw new Refusal("prototype");
}

function validate(schema: Joi.Schema, sent: object): Joi.ValidationResult {
  try {
    return schema.validate(sent);
  } catch {
    // A rule of a custom schema threw an error, which may quote the text.
    throw new Refusal("schema");
  }
}

/**
 * Whether this is plainly a callback of another TeleSign product, such as a delivery report: one
 * URI given to two services is a common mistake.
 */
function isOtherProduct(sent: object): boolean {
  if ("mo_reference_id" in sent) return false;
  if ("status" in sent && "reference_id" in sent) return true;
  return ["sub_resource", "user_response", "verify"].some((property) => property in sent);
}

/** A custom schema may let anything through, but an inbox needs the reference. */
function hasReference(value: unknown): value is MessageNotification {
  return (
    typeof value === "object" &&
    value !== null &&
    "mo_reference_id" in value &&
    typeof value.mo_reference_id === "string" &&
    value.mo_reference_id !== ""
  );
}

function referenceErrors(value: unknown): FieldError[] {
  const complete = Joi.object({ mo_reference_id: Joi.string().required() }).unknown().required();
  return fieldErrors(complete.validate(value).error, new Set(["mo_reference_id"]));
}

/** Every failing field and rule once, without Joi's own error, which repeats values. */
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

/** A schema may replace Joi's error with another, which may contain anything. */
function detailsOf(error: Error | undefined): readonly Partial<Joi.ValidationErrorItem>[] {
  const details: Joi.ValidationErrorItem[] | undefined = Joi.isError(error) ? error.details : [];
  return details ?? [];
}

/** Every property name in a schema, at any depth. Any other name is the sender's invention. */
function namesIn(schema: Joi.Schema): Set<string> {
  const names = new Set<string>();
  const parts = new Set<unknown>([schema.describe()]);
  for (const part of parts) {
    for (const [property, value] of Object.entries<unknown>({ ...(Object(part) as object) })) {
      if (property === "keys") for (const name in Object(value)) names.add(name);
      parts.add(value);
    }
  }
  return names;
}
