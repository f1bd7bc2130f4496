/** One field that failed, and how; never what it held. */
export interface FieldError {
  /** A name from the schema, or `(unknown)` for one that the sender invented. */
  readonly field: string;
  /** Joi's type of the failed rule, such as `any.required`. */
  readonly rule: string;
}

// What is left of a body that we did not read must not be taken for the connection's next request.
const unread = { Connection: "close" };

/** Every refusal, in the order of the checks. */
const REFUSALS = {
  closing: { status: 503, title: "Closing", headers: { ...unread, "Retry-After": "10" } },
  address: { status: 403, title: "Address not allowed", headers: unread },
  // RFC 9110, section 15.5.16: a 415 over the encoding says which one would have been accepted.
  encoding: {
    status: 415,
    title: "Content-Encoding not supported",
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
  object: { status: 400, title: "Body is not a JSON object", headers: {} },
  prototype: { status: 400, title: "Body names an object prototype", headers: {} },
  schema: { status: 400, title: "Not a valid notification", headers: {} },
  age: { status: 400, title: "Notification too old, or of unknown age", headers: {} },
} as const;

/**
 * A request that got a 4xx or 5xx. Its enumerable properties repeat nothing that was sent, so that
 * it can be logged as it is.
 */
export class Rejection extends Error {
  static {
    this.prototype.name = "Rejection";
  }

  /** The HTTP status of the answer. */
  readonly status: number;
  /** What was wrong, in a few words; the same for every request with this fault. */
  readonly title: string;
  /** Every failing field; empty where no field is at fault. */
  readonly errors: readonly FieldError[];
  #body: Buffer | undefined;
  /** The headers that belong to the status, by name. Not enumerable. */
  declare readonly headers: Readonly<Record<string, string>>;

  constructor(reason: keyof typeof REFUSALS, errors: readonly FieldError[] = []) {
    const { status, title, headers } = REFUSALS[reason];
    super(title);
    this.status = status;
    this.title = title;
    this.errors = errors;
    Object.defineProperty(this, "headers", { value: headers });
  }

  /** The bytes of the body, where they were read. Not a property of its own: printing it prints no one's words. */
  get body(): Buffer | undefined {
    return this.#body;
  }

  /** Adds the bytes that were read, so that a `rejected` listener can keep them. */
  withBody(body: Buffer): this {
    this.#body = body;
    return this;
  }

  /** The answer's body: problem details (RFC 9457), with the failing fields where it is a 400. */
  toProblemDetails(): string {
    const { status, title, errors } = this;
    // about:blank says that there is no page on this problem to follow a link to.
    const problem = { type: "about:blank", title, status };
    return JSON.stringify(status === 400 ? { ...problem, errors } : problem);
  }
}
