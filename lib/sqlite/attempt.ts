import { isUnheard } from "../errors.js";
import { deadLetterError, storedFailure, type Failure } from "../inbox/durable/dead-letter.js";
import type { HandOver } from "../inbox/inbox.js";
import type { MessageNotification } from "../receive/notification.js";
import type { Statement } from "./database-thread.js";
import { burying, finishing, retrying, returning, type Claimed } from "./notifications.js";
import type { StoredText } from "./stored-text.js";

/** Delay, in ms, before a notification that this process cannot hand over is tried again. */
const POSTPONEMENT = 1_000;
/** The wait after the first attempt, in ms. It doubles with each attempt, up to 30 days. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30 * 86_400_000;
/**
 * The largest fraction by which a wait is cut at random, so that notifications that failed together
 * are not retried together.
 */
const JITTER = 0.2;

/** What an attempt needs. */
export interface AttemptOptions {
  /** The name under which this process claims. */
  readonly claimant: string;
  readonly storedText: StoredText;
  /** The most attempts that a notification gets. */
  readonly attempts: number;
  readonly handOver: HandOver;
}

/** The result of an attempt. */
export interface AttemptResult {
  /** Stores the result. */
  readonly statement: Statement;
  /** What to report once it is stored. */
  readonly error?: Error;
}

/** Makes the function that hands over one notification. That function never rejects. */
export function createAttempt(options: AttemptOptions) {
  const { claimant, storedText, attempts, handOver } = options;

  return async function makeAttempt({
    id,
    reference,
    stored,
    attempt,
  }: Claimed): Promise<AttemptResult> {
    const claim = { id, claimant };
    if (!Number.isSafeInteger(attempt) || attempt < 1) return bury("damaged", 0);
    const read = storedText.read(stored, attempt);
    if ("unreadable" in read) {
      const { unreadable } = read;
      // A process that runs the newer release can read it.
      if (unreadable === "newer") return postpone();
      return bury(unreadable, attempt - 1);
    }
    const { message, delivery } = read;
    if (attempt > attempts) return bury("cut short", attempt - 1, message);
    try {
      await handOver(message, delivery);
      return { statement: finishing(claim) };
    } catch (cause) {
      // No listener has seen the notification, so this does not count as an attempt.
      if (isUnheard(cause)) return postpone();
      if (attempt >= attempts) return bury({ cause }, attempt, message);
      return { statement: retrying(claim, Date.now() + waitAfter(attempt)) };
    }

    function postpone(): AttemptResult {
      return { statement: returning(claim, Date.now() + POSTPONEMENT) };
    }

    function bury(failure: Failure, made: number, message?: MessageNotification): AttemptResult {
      const dead = { attempts: made, failedAt: Date.now(), error: storedFailure(failure) };
      return {
        statement: burying(claim, dead),
        error: deadLetterError(failure, reference, message),
      };
    }
  };
}

function waitAfter(attempt: number): number {
  return Math.round(longestWait(attempt) * (1 - JITTER * Math.random()));
}

/** The longest wait after an attempt, in ms. */
export function longestWait(attempt: number): number {
  return Math.min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT);
}
