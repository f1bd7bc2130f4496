import type { AsyncResource } from "node:async_hooks";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import { Router } from "express";

import { createAnswers, type PendingAnswer } from "./receive/answers.js";
import { clearTimeout, setImmediate, setTimeout } from "./clock.js";
import { within } from "./clock.js";
import { deliveryOf, type Delivery } from "./receive/delivery.js";
import { TelesignCallbackError } from "./errors.js";
import { createHandOver } from "./inbox/hand-over.js";
import { isConnection, onHangUp } from "./hang-up.js";
import { createIntake } from "./inbox/guarded-inbox.js";
import type { Outcome } from "./inbox/inbox.js";
import { createListeners, type CallbackEvents, type Listener } from "./listeners.js";
import type { MessageNotification } from "./receive/notification.js";
import { refuseUnknownAndUndefined, wholeNumber } from "./option-checks.js";
import { resolveOptions, type CallbackOptions } from "./options.js";
import { keepsBody, readBody, type BodyRequest } from "./receive/body.js";
import { Rejection } from "./receive/rejection.js";
import { isSigned } from "./receive/signature.js";
import { createStage, currentContext, soon } from "./stage.js";
import { createTally } from "./tally.js";

/** A request of `node:http`, or of Express, which adds `ip`. */
interface CallbackRequest extends BodyRequest {
  readonly ip?: string | undefined;
}

type Next = (error?: unknown) => void;

/** What Express 4 and 5 both take. A handler typed with the one's own types does not fit the other. */
type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** A Router with the method that it calls for each request, which Express's types leave out. */
type DispatchingRouter = Handler & { handle: Handler };

/** A request, its answer, the way out for what is neither, and where the app keeps what it knows of it. */
interface Exchange {
  readonly req: CallbackRequest;
  /** Once for all: to look something up in a request takes long where Express has set its prototype. */
  readonly headers: IncomingHttpHeaders;
  readonly res: ServerResponse;
  readonly next: Next;
  readonly context: AsyncResource;
}

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

/** What an answer says. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer on its way out. */
interface Departure {
  readonly exchange: Exchange;
  readonly context: AsyncResource;
  readonly pending: PendingAnswer;
  readonly answer: Answer;
}

// When the event loop has read from every socket.
const afterReading = setImmediate;

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
  const running = createTally();
  const answers = createAnswers();
  const listeners = createListeners(answers, running);
  const handOver = createHandOver(listeners, answers, running);
  const intake = createIntake(inbox, handOver, listeners);
  let closing: Promise<void> | undefined;

  const receiveSoon = createStage(afterReading, receive);
  const answerSoon = createStage(soon, giveAnswer);
  const router = Router() as unknown as DispatchingRouter;
  const handleOthers = router.handle.bind(router);

  // In the Router's place: its walk through its stack was 16 % of the CPU time of a mounted callback.
  function handle(req: CallbackRequest, res: ServerResponse, next: Next) {
    if (req.method !== "POST" || pathOf(req) !== path) {
      handleOthers(req, res, next);
    } else {
      const exchange = { req, headers: req.headers, res, next, context: currentContext() };
      if (keepsBody(req)) receiveSoon(exchange);
      // Now, because a body that others read, too, will not wait for us.
      else receive(exchange);
    }
  }

  function receive(exchange: Exchange) {
    try {
      admit(exchange);
      const length = Number(exchange.headers["content-length"]);
      const body = readBody(exchange.req, length, maxBodySize);
      if (body instanceof Promise) {
        body.then(
          (bytes) => check(exchange, bytes),
          (error: unknown) => refuse(exchange, error),
        );
      } else {
        check(exchange, body);
      }
    } catch (error) {
      refuse(exchange, error);
    }
  }

  function check(exchange: Exchange, body: Buffer | object) {
    try {
      refuseIfClosing();
      authenticate(exchange, body);
      const message = parse(body);
      const delivery = deliveryOf(message);
      refuseIfOutdated(delivery);
      accept(exchange, message, delivery);
    } catch (error) {
      refuse(exchange, error, body);
    }
  }

  function admit({ req, headers }: Exchange) {
    refuseIfClosing();
    // Express works req.ip out anew each time, so not without need.
    if (isAllowed && !isAllowed(addressOf(req))) throw new Rejection("address");
    const encoding = headers["content-encoding"] ?? "identity";
    if (encoding.toLowerCase() !== "identity") throw new Rejection("encoding");
  }

  function refuseIfClosing() {
    if (closing) throw new Rejection("closing");
  }

  function authenticate({ headers }: Exchange, body: Buffer | object) {
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

  function accept(exchange: Exchange, message: MessageNotification, delivery: Delivery) {
    const reference = message.mo_reference_id;
    const pending = answers.begin(reference, exchange.context);
    const conclude = (outcome: Outcome) => {
      if (outcome === "duplicate") {
        answers.whenOut(reference, () => listeners.emit("duplicate", [message, delivery]));
      }
      depart(exchange, pending, ANSWERS[outcome]);
    };
    const outcome = intake.accept(message, delivery);
    if (typeof outcome === "string") conclude(outcome);
    else void outcome.then(conclude);
  }

  function refuse(exchange: Exchange, error: unknown, body?: Buffer | object) {
    if (!(error instanceof Rejection)) {
      soon(() => exchange.next(error));
      return;
    }
    const rejection = Buffer.isBuffer(body) ? error.withBody(body) : error;
    const { status, headers } = rejection;
    const pending = answers.begin(rejection, exchange.context);
    answers.whenOut(rejection, () => {
      if (status === 500) listeners.reportNow(consumedError());
      listeners.emit("rejected", [rejection]);
    });
    const problem = rejection.toProblemDetails();
    const problemAnswer = answer(status, "application/problem+json", problem, headers);
    depart(exchange, pending, problemAnswer);
  }

  function depart(exchange: Exchange, pending: PendingAnswer, answer: Answer) {
    answerSoon({ exchange, context: exchange.context, pending, answer });
  }

  function giveAnswer({ exchange: { req, res, next }, pending, answer }: Departure) {
    const end = () => answers.end(pending);
    try {
      const isMadeUp = !isConnection(req.socket);
      // Before, because a host's response may finish while it is being ended.
      if (isMadeUp) whenFinished(req, res, end);
      send(res, answer);
      if (isMadeUp) return;
      if (res.writableFinished) end();
      else whenFinished(req, res, end);
    } catch (error) {
      soon(() => next(error));
      end();
    }
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
    // Those that came just before get their 503.
    await new Promise<void>(afterReading);
    await answers.idle();
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
  return String(url).replace(/^https?:\/\/[^/?]*|\?.*/gi, "");
}

/** Express's `req.ip`, which follows `trust proxy`; ahead of an app there is none. */
function addressOf(req: CallbackRequest): string | undefined {
  return "ip" in req ? req.ip : req.socket.remoteAddress;
}

function answer(status: number, type: string, body: string, headers = {}): Answer {
  return { status, body, headers: { "Content-Type": type, ...headers } };
}

/** Answers by `node:http`'s own means: `res` may be no more, and Express's `res.json` adds an ETag. */
function send(res: ServerResponse, { status, headers, body }: Answer): void {
  try {
    // To set what it is already gives the response a new shape: 3 % of the CPU time of a mounted callback.
    if (res.statusCode !== status) res.statusCode = status;
    for (const name in headers) res.setHeader(name, headers[name]!);
    res.end(body);
  } catch (error) {
    // Other middleware may have answered meanwhile, for being late, or have left the rest to us.
    if (!res.headersSent) throw error;
    res.end();
  }
}

/**
 * Calls back when the answer has left, or cannot any more because the client hung up, or is held back
 * by other middleware for longer than listeners should wait.
 */
function whenFinished(req: IncomingMessage, res: ServerResponse, callback: () => void): void {
  let isDue = true;
  const settle = () => {
    clearTimeout(timer);
    forget();
    if (isDue) callback();
    isDue = false;
  };
  // First, because a response that a host made up may lack it, and nothing must be left behind then.
  res.on("finish", settle);
  res.on("close", settle);
  const timer = setTimeout(settle, ANSWER_DEADLINE);
  const forget = isConnection(req.socket) ? onHangUp(req.socket, settle) : () => {};
}

function consumedError() {
  const text = "the body was already read; mount telesignCallback before express.json()";
  return new TelesignCallbackError("ERR_BODY_CONSUMED", text);
}
