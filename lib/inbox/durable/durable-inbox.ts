import type { MessageNotification } from "../../receive/notification.js";
import type { Inbox } from "../inbox.js";

/** A notification that the inbox gave up on, kept for 30 days for a person to look at. */
export interface DeadLetter {
  /** The notification; undefined if it cannot be read, for example without its key. */
  readonly message: MessageNotification | undefined;
  /** What `redrive` and `discard` take: its `mo_reference_id`, or a key if that is unreadable. */
  readonly reference: string;
  /** How many times it was handed over since it was stored or redriven. */
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

/**
 * An inbox whose content survives the process, with methods for operators. If the engine fails,
 * these reject with an `ERR_INBOX` whose `cause` has the engine's error code.
 */
export interface DurableInbox extends Inbox {
  /**
   * Resolves once the engine (SQLite, Redis or PostgreSQL) has completed a write. For health
   * checks, and for deploys that should fail early.
   */
  ready(): Promise<void>;
  /**
   * The dead letters, oldest first.
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
