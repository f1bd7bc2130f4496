import type { Delivery } from "../../receive/delivery.js";
import type { MessageNotification } from "../../receive/notification.js";
import { carrierOf, carry, type TraceCarrier } from "../../tracing.js";
import { referenceKey } from "../reference-key.js";
import { createEncryption, type EncryptionKey } from "./encryption.js";

/**
 * What an engine holds of a notification: plain JSON, with a version, because an old and a new
 * release of this package may share an engine during a deploy.
 */
export type StoredNotification = PlainNotification | EncryptedNotification;

interface PlainNotification extends Content {
  readonly v: 1;
  /** See {@link referenceKey}. */
  readonly reference: string;
}

interface EncryptedNotification {
  readonly v: 2;
  /** In the clear, because the encrypted text is bound to it. See {@link referenceKey}. */
  readonly reference: string;
  /** The {@link Content} as JSON, encrypted. */
  readonly sealed: string;
}

interface Content {
  /** As one JSON string, because PostgreSQL's `jsonb` refuses U+0000 and lone surrogates. */
  readonly notification: string;
  /** In milliseconds since 1970, like `submittedAt`. */
  readonly receivedAt: number;
  readonly submittedAt?: number;
  /** Set if a documented property is not a string, because a custom schema changed it. */
  readonly isOwn?: true;
  /** Links the hand-overs to the trace of the request that brought the notification. */
  readonly trace?: Readonly<TraceCarrier>;
}

/** A notification as it was accepted. */
export interface ReadNotification {
  readonly message: MessageNotification;
  readonly delivery: Delivery;
}

/**
 * Why a stored notification cannot be read: no encryption key opens it, it is no longer as it was
 * stored, or a newer release stored it.
 */
export type Unreadable = "locked" | "damaged" | "newer";

/** Turns notifications into what an engine stores, and back. */
export interface StoredForm {
  /** @throws RangeError or TypeError if the message is nested too deeply, or cannot be JSON */
  write(message: MessageNotification, delivery: Delivery): StoredNotification;
  /** `attempt` counts the hand-overs, from 1. */
  read(stored: unknown, attempt: number): ReadNotification | { readonly unreadable: Unreadable };
}

/**
 * Makes the stored form, encrypted if there is a key. What was stored without one stays readable.
 *
 * @throws TypeError if the key is bad
 */
export function createStoredForm(encryptionKey?: EncryptionKey): StoredForm {
  const encryption = encryptionKey === undefined ? undefined : createEncryption(encryptionKey);

  function write(message: MessageNotification, delivery: Delivery) {
    const reference = referenceKey(message.mo_reference_id);
    const content = contentOf(message, delivery);
    if (!encryption) return { v: 1, reference, ...content } as const;
    const sealed = encryption.seal(JSON.stringify(content), reference);
    return { v: 2, reference, sealed } as const;
  }

  function read(stored: unknown, attempt: number) {
    const fields = fieldsOf(stored);
    if (fields.v === 1) return parse(fields, fields.reference, attempt) ?? DAMAGED;
    if (fields.v === 2) return readEncrypted(fields, attempt);
    return { unreadable: Number(fields.v) > 2 ? "newer" : "damaged" } as const;
  }

  function readEncrypted({ reference, sealed }: Fields, attempt: number) {
    if (typeof reference !== "string" || typeof sealed !== "string") return DAMAGED;
    const text = encryption?.open(sealed, reference);
    if (text === undefined) return { unreadable: "locked" } as const;
    return parse(fieldsOf(parseJson(text)), reference, attempt) ?? DAMAGED;
  }

  return { write, read };
}

const TEXTS = [
  "submit_timestamp",
  "from_phone_number",
  "mo_message",
  "mo_reference_id",
  "session_reference_id",
  "to_phone_number",
] as const;

const DAMAGED = { unreadable: "damaged" } as const;

/** Properties that nobody has checked yet. */
type Fields = Readonly<Record<string, unknown>>;

function contentOf(message: MessageNotification, delivery: Delivery): Content {
  const { receivedAt, submittedAt } = delivery;
  const trace = carrierOf(delivery);
  return {
    notification: JSON.stringify(message),
    receivedAt: receivedAt.getTime(),
    ...(submittedAt && { submittedAt: submittedAt.getTime() }),
    ...(!isDocumented(message) && { isOwn: true as const }),
    ...(Object.keys(trace).length > 0 && { trace }),
  };
}

/** Undefined if the content has another shape, or belongs to another reference. */
function parse(content: Fields, reference: unknown, attempt: number): ReadNotification | undefined {
  const { notification, isOwn, trace } = content;
  const message = typeof notification === "string" ? parseJson(notification) : undefined;
  const receivedAt = dateOf(content.receivedAt);
  const submittedAt = dateOf(content.submittedAt);
  if (!isMessage(message) || !receivedAt) return undefined;
  if (isOwn !== true && !isDocumented(message)) return undefined;
  if (reference !== referenceKey(message.mo_reference_id)) return undefined;
  if (content.submittedAt !== undefined && !submittedAt) return undefined;
  const delivery = Object.freeze({ receivedAt, submittedAt, attempt });
  if (isCarrier(trace)) carry(delivery, { carrier: trace });
  return { message: Object.freeze(message), delivery };
}

function isMessage(value: unknown): value is MessageNotification {
  const { mo_reference_id } = fieldsOf(value);
  return typeof mo_reference_id === "string" && mo_reference_id !== "";
}

/** Whether a message has the strings that its type promises. One from a custom schema may not. */
function isDocumented(message: MessageNotification): boolean {
  return TEXTS.every((name) => typeof message[name] === "string");
}

function isCarrier(value: unknown): value is TraceCarrier {
  return typeof value === "object" && value !== null;
}

function dateOf(value: unknown): Date | undefined {
  const date = typeof value === "number" ? new Date(value) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
