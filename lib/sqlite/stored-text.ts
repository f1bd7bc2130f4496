import type {
  ReadNotification,
  StoredForm,
  Unreadable,
} from "../inbox/durable/stored-notification.js";
import { referenceKey } from "../inbox/reference-key.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";

/** A notification as the database stores it. */
export interface PreparedText {
  /** The key under which its reference is remembered. */
  readonly reference: string;
  readonly text: string;
  /** Size of the text, in bytes. */
  readonly size: number;
}

/** Turns notifications into texts, and back. */
export interface StoredText {
  /** Throws as {@link StoredForm} does. */
  readonly write: (message: MessageNotification, delivery: Delivery) => PreparedText;
  readonly read: (
    text: string,
    attempt: number,
  ) => ReadNotification | { readonly unreadable: Unreadable };
}

export function createStoredText(form: StoredForm): StoredText {
  function write(message: MessageNotification, delivery: Delivery) {
    const text = JSON.stringify(form.write(message, delivery));
    const reference = referenceKey(message.mo_reference_id);
    return { reference, text, size: Buffer.byteLength(text) };
  }

  function read(text: string, attempt: number) {
    return form.read(parse(text), attempt);
  }

  return { write, read };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
