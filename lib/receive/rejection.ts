import type { Answer } from "./respond.js";

/** One field that failed, and the rule it broke; never its value. */
export interface FieldError {
  /** A name from the schema, or `(unknown)` for one that the sender invented. */
  readonly field: string;
  /** Joi's type of the failed rule, such as `any.required`. */
  readonly rule: string;
}

// On a connection that stays open, the unread rest of the body would pass for the next request.
const unread = { Connection: "close" };

/** Every refusal, in the order of the checks. */
const REFUSALS = {
  closing: { status: 503, title: "Closing", headers: { ...unread, "Retry-After": "10" } },
  address: { status: 403, title: "Address not allowed", headers: unread },
  encoding: {
    status: 415,
    title: "Content-Encoding not supported",
    // RFC 9110, section 15.5.16: name the encoding that would have been accepted.
    headers: { ...unread, "Accept-Encoding": "identity" },
  },
  size: { status: 413, title: "Body too large", headers: unread },
  consumed: { status: 500, title: "Body consumed by earlier middleware", headers: unread },
  signature: {
    status: 401,
    title: "Signature missing or wrong",
    headers: { "WWW-Authenticate": "TSA" },
  },
  json: { status: 400, title: "Body is not JSON in UTF-8", headers: {} },
  prototype: { status: 400, title: "Body names an object prototype", headers: {} },
  object: { status: 400, title: "Body is not a JSON object", headers: {} },
  product: { status: 400, title: "Callback of another TeleSign product", headers: {} },
  schema: { status: 400, title: "Not a valid notification", headers: {} },
  age: { status: 400, title: "Notification too old, or of unknown age", headers: {} },
  future: { status: 400, title: "Notification dated ahead", headers: {} },
} as const;

/**
 * Why a request is refused. Thrown by the check that fails, and answered in one place. Not an
 * Error, because a stranger's request must not make us record a stack trace.
 */
export class Refusal {
  readonly status: number;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly reason: keyof typeof REFUSALS,
    readonly errors: readonly FieldError[] = [],
  ) {
    const { status, title, headers } = REFUSALS[reason];
    this.status = status;
    this.title = title;
    this.headers = headers;
  }

  /** Problem details (RFC 9457), with the failing fields if it is a 400. */
  toAnswer(): Answer {
    const { status, title, errors } = this;
    // about:blank: there is no page about this problem to link to.
    const problem = { type: "about:blank", title, status, ...(status === 400 && { errors }) };
    const headers = { "Content-Type": "application/problem+json", ...this.headers };
    return { status, headers, body: JSON.stringify(problem) };
  }
}

/**
 * A request that got a 4xx or 5xx. Its enumerable properties contain nothing that was sent, so it
 * can be logged as it is.
 */
export interface Rejection {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** What was wrong, in a few fixed words. */
  readonly title: string;
  /** Every failing field; empty if no field is at fault. */
  readonly errors: readonly FieldError[];
  /** When it was refused. */
  readonly receivedAt: Date;
  /** The sender's address, as `allowFrom` sees it. Not enumerable. */
  readonly address: string | undefined;
  /** The bytes of the body if they were read. Not enumerable, so logging leaves them out. */
  readonly body: Buffer | undefined;
}

/** What `rejected` listeners get. Users see only the interface, because only we make instances. */
export class RejectedRequest implements Rejection {
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldError[];
  readonly receivedAt: Date;
  readonly #address: string | undefined;
  readonly #body: Buffer | undefined;

  constructor(refusal: Refusal, sent: { address: string | undefined; body: Buffer | undefined }) {
    this.status = refusal.status;
    this.title = refusal.title;
    this.errors = refusal.errors;
    this.receivedAt = new Date();
    this.#address = sent.address;
    this.#body = sent.body;
  }

  get address(): string | undefined {
    return this.#address;
  }

  get body(): Buffer | undefined {
    return this.#body;
  }
}

/** Whether the first argument of an event is a rejection. */
export function isRejection(subject: unknown): subject is Rejection {
  return subject instanceof RejectedRequest;
}
