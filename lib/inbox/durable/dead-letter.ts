import { bareError, TelesignCallbackError } from "../../errors.js";
import type { MessageNotification } from "../../receive/notification.js";
import type { DeadLetter } from "./durable-inbox.js";
import type { Unreadable } from "./stored-notification.js";

/** How long dead letters are kept, in ms. */
export const DEAD_LETTER_AGE = 30 * 86_400_000;

/**
 * Why a notification becomes a dead letter: a listener failed with `cause`, the last attempt was
 * cut short, or the notification cannot be read.
 */
export type Failure = { readonly cause: unknown } | Exclude<Unreadable, "newer"> | "cut short";

const KEPT = "it is kept as a dead letter for 30 days";
const TEXTS = {
  failed: `every attempt to hand a notification over has failed; ${KEPT}, to be redriven or discarded`,
  "cut short": `the last attempt to hand a notification over did not end: its process died, or was silent for too long; ${KEPT}, to be redriven or discarded`,
  locked: `no encryptionKey opens a stored notification; ${KEPT}: add the key that it was stored with, and redrive it`,
  damaged: `a stored notification is damaged, and no listener can get it; ${KEPT}`,
};
const CODES = { "cut short": "ERR_CUT_SHORT", locked: "ERR_LOCKED", damaged: "ERR_DAMAGED" };

/**
 * Refuses anything but a string, such as the `undefined` of a missing URL parameter. Otherwise
 * SQLite would, and the error would blame the database.
 *
 * @throws TypeError
 */
export function checkReference(reference: unknown): void {
  if (typeof reference !== "string") throw new TypeError("reference must be a string");
}

/** The `ERR_DEAD_LETTER` of a notification. The text names the key of an unreadable one. */
export function deadLetterError(
  failure: Failure,
  key: string,
  notification: MessageNotification | undefined,
): TelesignCallbackError {
  const details = typeof failure === "string" ? {} : failure;
  const text = TEXTS[typeof failure === "string" ? failure : "failed"];
  // A job of another program may have any key, such as a phone number. So a key is named only if it
  // looks like TeleSign's references, or like the hashes of `referenceKey`.
  const isNamed = !notification && /^(\w{32}|=[\w-]{43})$/.test(key);
  const named = isNamed ? `${text}; its reference is ${key}` : text;
  return new TelesignCallbackError("ERR_DEAD_LETTER", named, { ...details, notification });
}

/** What is stored of a failure: identifiers only, because any other text may repeat a message. */
export function storedFailure(failure: Failure): DeadLetter["error"] {
  if (typeof failure === "string") return { name: "DeadLetterError", code: CODES[failure] };
  const { name, code } = bareError(failure.cause);
  return { name: isWord(name) ? name : "Error", ...(isWord(code) && { code }) };
}

function isWord(text: unknown): text is string {
  return typeof text === "string" && /^[A-Za-z]\w{0,59}$/.test(text);
}
