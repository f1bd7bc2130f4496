import type { IncomingMessage, ServerResponse } from "node:http";

import { Router } from "express";

import { guardInbox } from "./inbox/guarded-inbox.js";
import { createHandOver } from "./inbox/hand-over.js";
import { createListeners, type CallbackEvents, type Listener } from "./listeners.js";
import { resolveOptions, type CallbackOptions } from "./options.js";
import { createAnswers } from "./receive/answers.js";
import { createReceiver } from "./receive/receive.js";
import { createShutdown, type CloseOptions } from "./shutdown.js";
import { createCounts, snapshot, type CallbackStats } from "./stats.js";
import { traceRequest } from "./tracing.js";
import { createUnderWay } from "./under-way.js";

/** What Express 4 and 5 both accept. A handler typed for one of them does not fit the other. */
type Handler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** The parts of a Router that are used here. Express's types leave out `handle`. */
type RouterInternals = Handler & { handle: Handler; readonly stack: readonly unknown[] };

/**
 * An Express `Router` with events, for Express 4 and 5. It is also a plain function for
 * `node:http`, so that it can run ahead of an app.
 */
export interface TelesignCallback {
  /** Handles `POST` on the private path; passes everything else on to `next`, untouched. */
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void;

  /**
   * Subscribes to an event, and returns the function that unsubscribes.
   *
   * @throws TypeError if there is no such event, or the listener is not a function
   */
  on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>): () => void;

  /** Subscribes to new notifications. Short for `on("message", listener)`. */
  onMessage(listener: Listener<"message">): () => void;

  /**
   * Resolves when everything accepted so far has been handed over and the listeners have settled.
   * Await it in tests, and before a serverless function returns. It closes nothing and never
   * rejects. It does not wait for notifications that have no `message` listener yet. With a durable
   * inbox it covers what this process is handing over. A listener that awaits it never settles.
   */
  settled(): Promise<void>;

  /** Returns a frozen snapshot of this callback's counts. */
  stats(): CallbackStats;

  /**
   * Shuts down gracefully. New deliveries get 503, so that TeleSign's next attempt reaches another
   * instance. Resolves when everything accepted has been answered, and either stored or handed over
   * to listeners that have settled. If work is still pending after `timeout`, it resolves and one
   * `error` event says what is left. It never rejects. A second call returns the same promise. A
   * listener that awaits it delays it until `timeout`.
   *
   * @throws TypeError if an option is bad or unknown
   */
  close(options?: Readonly<CloseOptions>): Promise<void>;
}

/**
 * Makes the middleware that receives TeleSign's Number Masking callbacks: it checks each one,
 * answers valid ones with 200, suppresses retries, and hands each new message to the listeners.
 *
 * @throws TypeError if an option is bad or unknown; it names the option and quotes no value
 * @see TeleSign's page "Number Masking - Callback service"
 *
 * @example
 * const callback = telesignCallback({ path: "/telesign/4f9d0c" });
 * callback.onMessage((message) => console.log(message.mo_message));
 * app.use(callback);
 */
export function telesignCallback(options: Readonly<CallbackOptions> = {}): TelesignCallback {
  const settings = resolveOptions(options);
  const counts = createCounts();
  const underWay = createUnderWay();
  const answers = createAnswers();
  const listeners = createListeners({ answers, underWay, counts });
  const handOvers = createHandOver({ listeners, answers, underWay, counts });
  const inbox = guardInbox(settings.inbox, handOvers.handOver, listeners);
  const { close, settled, isClosing } = createShutdown({ answers, inbox, listeners, underWay });
  const receive = createReceiver(settings, { inbox, answers, listeners, counts, isClosing });

  const router = Router() as unknown as RouterInternals;
  const route = router.handle.bind(router);

  function handle(...[req, res, next]: Parameters<Handler>) {
    if (req.method === "POST" && isAt(settings.path, req)) {
      // Caught here, because Express 4 ignores a rejected promise, and the request would hang.
      traceRequest((trace) => receive({ req, res, trace })).catch(next);
    } else if (router.stack.length === 0) {
      // Bypasses the Router, which would write to `req` and call `next` in a later turn.
      next();
    } else {
      route(req, res, next);
    }
  }

  function on<Event extends keyof CallbackEvents>(event: Event, listener: Listener<Event>) {
    const unsubscribe = listeners.on(event, listener);
    inbox.consumeWhileHeard();
    return () => {
      unsubscribe();
      inbox.consumeWhileHeard();
      handOvers.advance();
    };
  }

  const onMessage = (listener: Listener<"message">) => on("message", listener);
  const stats = () => {
    const waiting = handOvers.waiting() + inbox.waiting();
    return snapshot(counts, { running: handOvers.running(), waiting });
  };

  if (settings.onMessage) onMessage(settings.onMessage);
  // A Router that is called calls its `handle`, which is ours from here on.
  return Object.assign(router, { handle, on, onMessage, settled, stats, close });
}

/**
 * Whether a request is for `path`, literally. Ignores the query, and an origin such as
 * `http://example.com`, which a proxy may put before the path.
 */
function isAt(path: string, { url }: IncomingMessage): boolean {
  // At the mount point itself, Express leaves an empty path, not "/", if the URL names an origin.
  return (String(url).replace(/^https?:\/\/[^/?]*|\?.*/gi, "") || "/") === path;
}
