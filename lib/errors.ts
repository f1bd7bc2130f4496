import type { MessageNotification } from "./notification.js";

/**
 * What went wrong on this side of the door:
 *
 * - `ERR_LISTENER`: a listener threw or rejected, or had not settled when `close()` ran out of time.
 * - `ERR_NO_LISTENER`: a notification found no `message` listener.
 * - `ERR_INBOX`: the inbox failed, or took too long.
 * - `ERR_DEAD_LETTER`: every attempt to hand a notification over has failed.
 * - `ERR_BODY_CONSUMED`: earlier middleware read a request, and left nothing of it.
 */
export type TelesignCallbackErrorCode =
  "ERR_LISTENER" | "ERR_NO_LISTENER" | "ERR_INBOX" | "ERR_DEAD_LETTER" | "ERR_BODY_CONSUMED";

/** What a {@link TelesignCallbackError} may carry besides its code and text. */
export interface TelesignCallbackErrorDetails {
  /** The error behind this one. */
  readonly cause?: unknown;
  /** The notification concerned. */
  readonly notification?: MessageNotification | undefined;
}

/**
 * What an `error` listener receives. The code is stable, the text is for people, and neither repeats
 * a phone number, a message, a key or the private path.
 *
 * `cause` is the listener's own error, untouched, for `ERR_LISTENER` and `ERR_DEAD_LETTER`. For
 * `ERR_INBOX` it is a new Error with the engine's `name` and `code` only, because engines put the
 * command, text and all, into theirs.
 */
export class TelesignCallbackError extends Error {
  static {
    this.prototype.name = "TelesignCallbackError";
  }

  /** Which fault this is. */
  readonly code: TelesignCallbackErrorCode;
  /** The notification concerned, if one is. Not enumerable: printing the error prints no one's words. */
  declare readonly notification: MessageNotification | undefined;

  /** For an {@link Inbox} that reports through `onError`. */
  constructor(
    code: TelesignCallbackErrorCode,
    message: string,
    details: TelesignCallbackErrorDetails = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    Object.defineProperty(this, "notification", { value: details.notification });
  }
}

/** An `ERR_INBOX` that keeps of its cause what repeats no message. */
export function inboxError(
  text: string,
  cause: unknown,
  notification?: MessageNotification,
): TelesignCallbackError {
  const bare = new Error();
  if (cause instanceof Error) {
    bare.name = cause.name;
    if ("code" in cause) Object.defineProperty(bare, "code", { value: cause.code });
  }
  return new TelesignCallbackError("ERR_INBOX", text, { cause: bare, notification });
}

/** The error for a notification that no listener will see. */
export function unheardError(notification: MessageNotification): TelesignCallbackError {
  const text = 'a notification found no "message" listener; subscribe before the server listens';
  return new TelesignCallbackError("ERR_NO_LISTENER", text, { notification });
}
