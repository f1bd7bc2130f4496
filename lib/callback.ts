import type { IncomingMessage, ServerResponse } from "node:http";
import { clearTimeout, setTimeout } from "node:timers";

import { Router } from "express";

import { createAnswers } from "./answers.js";
import { within } from "./deadline.js";
import { deliveryOf, type Delivery } from "./delivery.js";
import { TelesignCallbackError } from "./errors.js";
import { createHandOver } from "./hand-over.js";
import { createIntake } from "./intake.js";
import { createListeners, type CallbackEvents, type Listener } from "./listeners.js";
import type { MessageNotification } from "./notification.js";
import { refuseUnknownAndUndefined, wholeNumber } from "./option-checks.js";
import { resolveOptions, type CallbackOptions } from "./options.js";
import { readBody, type BodyRequest } from "./raw-body.js";
import { Rejection } from "./rejection.js";
import { isSigned } from "./signature.js";
import { createTally } from "./tally.js";
import { createTurns } from "./turns.js";

/** A request of `node:http`, or of Express, which adds `ip`. */
interface CallbackRequest extends BodyRequest {
  readonly ip?: string | undefined;
}

type Next = (error?: unknown) => void;

/** What Express 4 and 5 both take. A handler typed with the one's own types does not fit the other. */
type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** A Router with the method that it calls for each request, which Express's types leave out. */
type DispatchingRouter = Handler & { handle: Handler };

/** Options of {@link TelesignCallback.close}. */
export interface CloseOptions {
  /**
   * How long to wait for what is under way, in milliseconds.
   * @default 10_000
   */
  timeout?: number;
}

/**
 * An Express `Router` with subscriptions on it, for an Express 4 app and an Express 5 app alike. It is
 * a plain function for `node:http`, too, to be put ahead of an app.
 */
export interface TelesignCallback {
  /** Handles `POST` on the private path; passes everything else on to `next`, its body unread. */
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void;

  /**
   * Subscribes to an event, and returns the function that unsubscribes.
   *
   * @throws TypeError if there is no such event, or the listener is not a function
   */
  on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>): () => void;

  /** Subscribes to `message`: each notification not seen before. Short for `on('message', listener)`. */
  onMessage(listener: Listener<"message">): () => void;

  /**
   * Ends in good order. New deliveries get 503, so that TeleSign's next attempt reaches another
   * instance. Resolves when everything accepted was answered and was handed over and settled, or
   * stored; at the latest after `timeout`, what is unfinished then being one `error` event. It never
   * rejects, and a second call awaits the first. A listener that awaits it waits for itself.
   *
   * @throws TypeError if an option is bad or unknown
   */
  close(options?: Readonly<CloseOptions>): Promise<void>;
}

/** An answer as it goes out. */
interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | number>;
  readonly body: string;
}

/** How long, in ms, a listener waits for an answer that other middleware holds back: TeleSign waits 5 s. */
const ANSWER_DEADLINE = 4_000;

const ANSWERS = {
  accepted: answer(200, "application/json", '{"status":"accepted"}'),
  duplicate: answer(200, "application/json", '{"status":"duplicate"}'),
};

/**
 * Makes the middleware that receives TeleSign's Number Masking callbacks: it verifies and validates
 * them, suppresses retries, answers 200 and hands each message to the listeners once.
 *
 * @throws TypeError if an option is bad or unknown; it names the option and repeats no value
 * @see "Number Masking API - Obtain Transaction Status Results"
 *
 * @example
 * const callback = telesignCallback({ path: '/telesign/4f9d0c' });
 * callback.onMessage((message) => console.log(message.mo_message));
 * app.use(callback);
 */
export function telesignCallback(options: Readonly<CallbackOptions> = {}): TelesignCallback {
  const { path, keys, isAllowed, maxBodySize, maxAge, parse, inbox, onMessage } =
    resolveOptions(options);
  const requests = createTally();
  const running = createTally();
  const answers = createAnswers();
  const listeners = createListeners(answers, running);
  const handOver = createHandOver(listeners, answers, running);
  const intake = createIntake(inbox, handOver, listeners);
  let closing: Promise<void> | undefined;

  const turn = createTurns();
  const router = Router() as unknown as DispatchingRouter;
  const handleOthers = router.handle.bind(router);

  // In the Router's place: its walk through its stack was 16 % of the CPU time of a mounted callback.
  function handle(req: CallbackRequest, res: ServerResponse, next: Next) {
    if (req.method !== "POST" || pathOf(req) !== path) handleOthers(req, res, next);
    // Caught here, because Express 4 would leave the request hanging.
    else receive(req, res).catch(next);
  }

  async function receive(req: CallbackRequest, res: ServerResponse) {
    let body: Buffer | object | undefined;
    try {
      admit(req);
      body = await readBody(req, maxBodySize);
      if (body === undefined) return;
      await turn();
      refuseIfClosing();
      authenticate(req, body);
      const message = parse(body);
      const delivery = deliveryOf(message);
      refuseIfOutdated(delivery);
      await acknowledge(res, message, delivery);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      await reject(res, Buffer.isBuffer(body) ? error.withBody(body) : error);
    }
  }

  function admit(req: CallbackRequest) {
    refuseIfClosing();
    // Express works req.ip out anew each time, so not without need.
    if (isAllowed && !isAllowed(addressOf(req))) throw new Rejection("address");
    const encoding = req.headers["content-encoding"] ?? "identity";
    if (encoding.toLowerCase() !== "identity") throw new Rejection("encoding");
  }

  function refuseIfClosing() {
    if (closing) throw new Rejection("closing");
  }

  function authenticate({ headers }: CallbackRequest, body: Buffer | object) {
    if (!keys) return;
    if (!Buffer.isBuffer(body)) throw new Rejection("consumed");
    const claims = [headers["x-ts-authorization"], headers.authorization];
    if (!isSigned(body, claims, keys)) throw new Rejection("signature");
  }

  function refuseIfOutdated({ receivedAt, submittedAt }: Delivery) {
    if (maxAge === undefined) return;
    const oldest = receivedAt.getTime() - maxAge;
    if (submittedAt && submittedAt.getTime() >= oldest) return;
    const rule = submittedAt ? "date.min" : "string.isoDate";
    throw new Rejection("age", [{ field: "submit_timestamp", rule }]);
  }

  async function acknowledge(
    res: ServerResponse,
    message: MessageNotification,
    delivery: Delivery,
  ) {
    requests.begin();
    const endAnswer = answers.begin(message);
    try {
      const outcome = await intake.accept(message, delivery);
      await respond(res, ANSWERS[outcome]);
      if (outcome === "duplicate") void listeners.emit("duplicate", message, delivery);
    } finally {
      endAnswer();
      requests.end();
    }
  }

  async function reject(res: ServerResponse, rejection: Rejection) {
    const { status, headers } = rejection;
    const problem = rejection.toProblemDetails();
    await respond(res, answer(status, "application/problem+json", problem, headers));
    if (status === 500) {
      const text = "the body was already read; mount telesignCallback before express.json()";
      listeners.report(new TelesignCallbackError("ERR_BODY_CONSUMED", text));
    }
    void listeners.emit("rejected", rejection);
  }

  function on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>) {
    const unsubscribe = listeners.on(event, listener);
    intake.consumeWhileHeard();
    return () => {
      unsubscribe();
      intake.consumeWhileHeard();
    };
  }

  function close(closeOptions: Readonly<CloseOptions> = {}) {
    refuseUnknownAndUndefined(closeOptions, ["timeout"]);
    const { timeout = 10_000 } = closeOptions;
    wholeNumber("timeout", timeout);
    return (closing ??= within(timeout, drain()).catch(() => reportUnfinished(timeout)));
  }

  async function drain() {
    await requests.idle();
    await intake.close();
    await running.idle();
  }

  function reportUnfinished(timeout: number) {
    const [code, culprit] =
      running.count() > 0
        ? (["ERR_LISTENER", "a listener has not settled"] as const)
        : (["ERR_INBOX", "the inbox has not finished"] as const);
    const text = `close() gave up after ${timeout} ms: ${culprit}`;
    listeners.reportNow(new TelesignCallbackError(code, text));
  }

  if (onMessage) on("message", onMessage);
  const onMessageEvent = (listener: Listener<"message">) => on("message", listener);
  return Object.assign(router, { handle, on, onMessage: onMessageEvent, close });
}

/** The path as it was sent, without the query, and without the origin that a proxy may put before it. */
function pathOf({ url }: IncomingMessage): string {
  return String(url).replace(/^[a-z][a-z\d+.-]*:\/\/[^/?]*|\?.*$/gi, "");
}

/** Express's `req.ip`, which follows `trust proxy`; ahead of an app there is none. */
function addressOf(req: CallbackRequest): string | undefined {
  return "ip" in req ? req.ip : req.socket.remoteAddress;
}

function answer(status: number, type: string, body: string, headers = {}): Answer {
  const length = Buffer.byteLength(body);
  return { status, body, headers: { "Content-Type": type, "Content-Length": length, ...headers } };
}

/**
 * Answers, and resolves when the answer has left, or cannot any more because the client hung up, or
 * is held back by other middleware for longer than listeners should wait. By `node:http`'s own means:
 * `res` may be no more than that, and Express's `res.json` would add an ETag, and more.
 */
async function respond(res: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  // Other middleware may have answered meanwhile, for being late.
  if (!res.headersSent) res.writeHead(status, headers).end(body);
  // As a rule the kernel has all of it now, and no event needs to be awaited.
  if (res.writableEnded && res.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_DEADLINE);
    const settle = () => {
      clearTimeout(timer);
      resolve();
    };
    res.on("finish", settle);
    res.on("close", settle);
  });
}
