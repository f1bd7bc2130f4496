import type { MessageNotification } from "../../receive/notification.js";
import type { Inbox } from "../inbox.js";

/** A notification that failed for good. It is kept for 30 days, for a person to look at. */
export interface DeadLetter {
  /** The notification; undefined if none of the encryption keys opens it, or it is damaged. */
  readonly message: MessageNotification | undefined;
  /** Its `mo_reference_id`, for {@link DurableInbox.redrive} and {@link DurableInbox.discard}. */
  readonly reference: string;
  /** How many times it was handed over. */
  readonly attempts: number;
  /** When the last attempt failed. */
  readonly failedAt: Date;
  /** The `name` and `code` of what the last attempt failed with; never its text. */
  readonly error: {
    /** The error's `name`, such as `TypeError`. */
    readonly name: string;
    /** The error's `code`, such as `ECONNREFUSED`, if it has one. */
    readonly code?: string;
  };
}

/** Options of {@link DurableInbox.deadLetters}. */
export interface DeadLettersOptions {
  /**
   * The most dead letters to return.
   * @default 100
   */
  limit?: number;
}

/** An inbox whose content survives the process, with methods for operators. */
export interface DurableInbox extends Inbox {
  /**
   * Resolves once the engine (SQLite, Redis or PostgreSQL) has completed a write. If it cannot,
   * rejects with an `ERR_INBOX` whose `cause` has the engine's error code. For health checks, and
   * for deploys that should fail at once.
   */
  ready(): Promise<void>;
  /**
   * The notifications that failed for good, oldest first.
   *
   * @throws TypeError, as a rejection, if an option is bad or unknown
   */
  deadLetters(options?: Readonly<DeadLettersOptions>): Promise<DeadLetter[]>;
  /**
   * Hands a dead letter over again, from attempt 1. Resolves to `false` if none has that reference.
   *
   * @throws TypeError, as a rejection, if the reference is not a string
   */
  redrive(reference: string): Promise<boolean>;
  /**
   * Deletes a dead letter, and its text with it. Resolves to `false` if none has that reference.
   *
   * @throws TypeError, as a rejection, if the reference is not a string
   */
  discard(reference: string): Promise<boolean>;
}
