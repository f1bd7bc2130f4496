import { setImmediate, within } from "./clock.js";
import { TelesignCallbackError } from "./errors.js";
import type { GuardedInbox } from "./inbox/guarded-inbox.js";
import type { Listeners } from "./listeners.js";
import { milliseconds, refuseUnknownAndUndefined } from "./option-checks.js";
import type { Answers } from "./receive/answers.js";
import type { UnderWay } from "./under-way.js";

/** Options of {@link TelesignCallback.close}. */
export interface CloseOptions {
  /**
   * How long to wait for work under way, in milliseconds.
   * @default 10_000
   */
  timeout?: number;
}

/** What a shutdown works with. */
export interface ShutdownParts {
  readonly answers: Answers;
  readonly inbox: GuardedInbox;
  readonly listeners: Listeners;
  readonly underWay: UnderWay;
}

/**
 * Makes `close` and `settled`. Both wait for three things: `answers` that have not left, outcomes
 * that the `inbox` has not given, and events `underWay`, whose listeners have not settled.
 */
export function createShutdown({ answers, inbox, listeners, underWay }: ShutdownParts) {
  let closing: Promise<void> | undefined;

  function close(options: Readonly<CloseOptions> = {}): Promise<void> {
    refuseUnknownAndUndefined(options, ["timeout"]);
    const { timeout = 10_000 } = options;
    milliseconds("timeout", timeout);
    closing ??= drain(timeout);
    return closing;
  }

  async function drain(timeout: number) {
    let inboxLeft = "the inbox has not been closed yet";
    const drained = async () => {
      await answers.settled();
      inboxLeft = "the inbox has not closed";
      await inbox.close();
      inboxLeft = "";
      await underWay.settled();
      // A listener that failed while this waited has begun an error event, so wait again.
      await underWay.settled();
    };
    try {
      await within(timeout, drained());
    } catch {
      void listeners.reportNow(unfinishedError(timeout, inboxLeft));
    }
  }

  function unfinishedError(timeout: number, inboxLeft: string) {
    const left = [
      answers.count() > 0 && `notifications whose answer has not left: ${answers.count()}`,
      underWay.count() > 0 && `events whose listeners have not settled: ${underWay.count()}`,
      inboxLeft,
    ].filter(Boolean);
    const code = underWay.count() > 0 ? "ERR_LISTENER" : "ERR_INBOX";
    const text = `close() gave up after ${timeout} ms; ${left.join("; ")}`;
    return new TelesignCallbackError(code, text);
  }

  async function settled() {
    // By the next turn, a listener that has just subscribed has been given what waited for it.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const isDeciding = inbox.isDeciding();
    const begun = underWay.settled();
    await Promise.all([answers.settled(), inbox.settled()]);
    await begun;
    // The outcomes that the inbox has given meanwhile have begun more events.
    if (isDeciding) await underWay.settled();
  }

  return { close, settled, isClosing: () => closing !== undefined };
}
