import type { MessageNotification } from "./receive/notification.js";

/**
 * What went wrong:
 *
 * - `ERR_LISTENER`: a listener threw or rejected, or had not settled when `close()` gave up.
 * - `ERR_NO_LISTENER`: a notification has no `message` listener, and can wait for one no longer.
 * - `ERR_INBOX`: the inbox failed, or took too long.
 * - `ERR_DEAD_LETTER`: a durable inbox has given up on a notification, or cannot read it.
 * - `ERR_BODY_CONSUMED`: earlier middleware read a request's body, and its bytes are lost.
 */
export type TelesignCallbackErrorCode =
  "ERR_LISTENER" | "ERR_NO_LISTENER" | "ERR_INBOX" | "ERR_DEAD_LETTER" | "ERR_BODY_CONSUMED";

/** What a {@link TelesignCallbackError} may carry. */
export interface TelesignCallbackErrorDetails {
  /** What caused this error. */
  readonly cause?: unknown;
  /** The notification concerned. */
  readonly notification?: MessageNotification | undefined;
  /** The body of the rejected request concerned. */
  readonly body?: Buffer | undefined;
}

/**
 * What an `error` listener receives. The code is stable. The text is for people, and repeats no
 * phone number, message, key or private path.
 *
 * If a listener failed (`ERR_LISTENER`, `ERR_DEAD_LETTER`), `cause` is its error, untouched. For
 * `ERR_INBOX` it is a new Error with only the `name` and `code` of the inbox's error, because a
 * database's error may quote the text.
 */
export class TelesignCallbackError extends Error {
  static {
    this.prototype.name = "TelesignCallbackError";
  }

  /** Which fault this is. */
  readonly code: TelesignCallbackErrorCode;
  readonly #notification: MessageNotification | undefined;
  readonly #body: Buffer | undefined;

  /** Public, so that your own {@link Inbox} can report through `onError`. */
  constructor(
    code: TelesignCallbackErrorCode,
    message: string,
    details: TelesignCallbackErrorDetails = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.#notification = details.notification;
    this.#body = details.body;
  }

  /** The notification concerned, if any. Not enumerable, so logging the error does not log it. */
  get notification(): MessageNotification | undefined {
    return this.#notification;
  }

  /** The body of the rejected request concerned, if any. Not enumerable. */
  get body(): Buffer | undefined {
    return this.#body;
  }
}

/** Makes an `ERR_INBOX`, without the cause's text, which may repeat a message. */
export function inboxError(
  text: string,
  cause: unknown,
  notification?: MessageNotification,
): TelesignCallbackError {
  return new TelesignCallbackError("ERR_INBOX", text, { cause: bareError(cause), notification });
}

/** Makes a new Error with only the `name` and `code` of another. */
export function bareError(cause: unknown): Error & { readonly code?: string } {
  const bare = new Error();
  try {
    // Not instanceof: under Jest, Node's own errors are instances of another realm's Error.
    const { name, code, message } = Object(cause) as Record<string, unknown>;
    if (typeof name === "string") bare.name = name;
    // Redis's own code is the first word of a ReplyError's text: "WRONGPASS invalid username …".
    const isReply = name === "ReplyError" && typeof message === "string";
    const known = isReply ? (code ?? /^[A-Z]+(?= )/.exec(message)?.[0]) : code;
    if (typeof known === "string") Object.assign(bare, { code: known });
  } catch {
    // A revoked proxy, for example, throws when it is read.
  }
  return bare;
}

/** The error for a body that earlier middleware read without keeping its bytes. */
export function bodyConsumedError(): TelesignCallbackError {
  const text = "the body was already read; mount telesignCallback before express.json()";
  return new TelesignCallbackError("ERR_BODY_CONSUMED", text);
}

/** The error for a notification that finds no `message` listener. */
export function unheardError(notification: MessageNotification): TelesignCallbackError {
  const text = 'a notification found no "message" listener; subscribe before the server listens';
  const error = new TelesignCallbackError("ERR_NO_LISTENER", text, { notification });
  unheard.add(error);
  return error;
}

// Recognised by identity, because a listener may fail with an error of the same code.
const unheard = new WeakSet<object>();

/** Whether a hand-over failed because nobody listens, not because a listener failed. */
export function isUnheard(error: unknown): error is TelesignCallbackError {
  return unheard.has(Object(error) as object);
}

/**
 * Makes a `catch` handler for a hand-over, which reports that nobody listens. A listener's failure
 * has been reported already.
 */
export function onUnheard(report: (error: TelesignCallbackError) => void) {
  return (error: unknown): void => {
    if (isUnheard(error)) report(error);
  };
}
