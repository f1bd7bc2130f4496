import Joi from "joi";

import type { Inbox } from "./inbox/inbox.js";
import { memoryInbox } from "./inbox/memory-inbox.js";
import type { Listener } from "./listeners.js";
import { milliseconds, refuseUnknownAndUndefined, wholeNumber } from "./option-checks.js";
import { createAllowlist } from "./receive/address.js";
import { notificationSchema } from "./receive/notification.js";
import { createParser, type NotificationParser } from "./receive/parse.js";
import { signersOf } from "./receive/signature.js";
import type { Signer } from "./receive/signer.js";

/** Options of `telesignCallback`. An option that is given but `undefined` is refused. */
export interface CallbackOptions {
  /**
   * Private path under the mount point, compared literally: case and a trailing slash count,
   * nothing is a wildcard, and the query is ignored. Other requests fall through to the app. Put
   * the secret here, not in the mount point, where Express ignores case.
   * @default "/"
   */
  path?: string;
  /**
   * Your API key, as TeleSign's portal shows it; several while you rotate it. Without it,
   * signatures are not verified.
   */
  apiKey?: string | string[];
  /**
   * Addresses and CIDR ranges, IPv4 or IPv6, that may deliver. Compared with `req.ip`, so the app's
   * `trust proxy` counts; outside Express, with the socket's address. Without it, any may deliver.
   */
  allowFrom?: string[];
  /**
   * Largest body that is read, in bytes; larger ones get 413. Applies to `req.rawBody` too, but not
   * to a parsed body.
   * @default 65_536
   */
  maxBodySize?: number;
  /**
   * Greatest age of `submit_timestamp` accepted, in milliseconds; above 60,000, so that TeleSign's
   * third attempt passes. An unreadable date is refused, and so is one over 60 s ahead. This guards
   * against replays, because no signature expires. Keep it at or below the inbox's `ttl` or
   * `dedupeTtl`, or replays pass once the inbox has forgotten the message. Without it, any age is
   * accepted.
   */
  maxAge?: number;
  /**
   * Replaces the validation; synchronous rules only. Listeners get what it returns, which must have
   * a non-empty string as `mo_reference_id`; `submittedAt` and `maxAge` need `submit_timestamp` as
   * a string.
   * @default notificationSchema
   */
  schema?: Joi.Schema;
  /**
   * Remembers accepted notifications and hands them over. An inbox belongs to one callback.
   * @default memoryInbox()
   */
  inbox?: Inbox;
  /** The first `message` listener, for inline use. */
  onMessage?: Listener<"message">;
}

/** The checked options, ready for use. */
export interface Settings {
  readonly path: string;
  readonly signers: readonly Signer[] | undefined;
  readonly isAllowed: ((address: string | undefined) => boolean) | undefined;
  readonly maxBodySize: number;
  readonly maxAge: number | undefined;
  readonly parse: NotificationParser;
  readonly inbox: Inbox;
  readonly onMessage: Listener<"message"> | undefined;
}

const NAMES: readonly (keyof CallbackOptions)[] = [
  "path",
  "apiKey",
  "allowFrom",
  "maxBodySize",
  "maxAge",
  "schema",
  "inbox",
  "onMessage",
];

/**
 * Checks the options.
 *
 * @throws TypeError naming the option that is bad or unknown, and quoting no value
 */
export function resolveOptions(options: Readonly<CallbackOptions>): Settings {
  refuseUnknownAndUndefined(options, NAMES);
  const { path = "/", maxBodySize = 65_536, onMessage } = options;
  const { schema = notificationSchema, inbox = memoryInbox() } = options;
  if (onMessage !== undefined && typeof onMessage !== "function") {
    throw new TypeError("onMessage must be a function");
  }
  return {
    path: checkPath(path),
    signers: options.apiKey === undefined ? undefined : signersOf(options.apiKey),
    isAllowed: options.allowFrom === undefined ? undefined : createAllowlist(options.allowFrom),
    maxBodySize: wholeNumber("maxBodySize", maxBodySize),
    maxAge: options.maxAge === undefined ? undefined : checkMaxAge(options.maxAge),
    parse: createParser(checkSchema(schema)),
    // Taken last, so that the inbox is still free if another option is bad.
    inbox: takeInbox(inbox),
    onMessage,
  };
}

function checkPath(path: unknown): string {
  // With a character that a path cannot have, or that starts the query, no request would match.
  if (typeof path !== "string" || !/^\/[!"$->@-~]*$/.test(path)) {
    throw new TypeError("path must start with a slash and be percent-encoded, without ? or #");
  }
  return path;
}

function checkMaxAge(maxAge: unknown): number {
  const age = milliseconds("maxAge", maxAge);
  if (age > 60_000) return age;
  throw new TypeError("maxAge must be above 60000 ms, so that TeleSign's third attempt passes");
}

function checkSchema(schema: unknown): Joi.Schema {
  if (!isJoiSchema(schema)) throw new TypeError("schema must be a schema of the installed Joi");
  if (schema.isAsync()) throw new TypeError("schema must have synchronous rules only");
  return schema;
}

function isJoiSchema(schema: unknown): schema is Joi.Schema {
  try {
    return Joi.isSchema(schema);
  } catch {
    // Joi throws if another version of it made the schema.
    return false;
  }
}

const taken = new WeakSet<object>();

function takeInbox(inbox: unknown): Inbox {
  if (!isInbox(inbox)) throw new TypeError("inbox must have accept, consume and close");
  if (taken.has(inbox)) throw new TypeError("inbox belongs to another callback; make a new one");
  taken.add(inbox);
  return inbox;
}

function isInbox(inbox: unknown): inbox is Inbox {
  const methods: unknown[] =
    typeof inbox === "object" &&
    inbox !== null &&
    "accept" in inbox &&
    "consume" in inbox &&
    "close" in inbox
      ? [inbox.accept, inbox.consume, inbox.close]
      : [undefined];
  return methods.every((method) => typeof method === "function");
}
