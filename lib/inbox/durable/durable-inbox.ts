import type { MessageNotification } from "../../receive/notification.js";
import type { Inbox } from "../inbox.js";

/** A notification that the inbox gave up on, kept for 30 days for a person to look at. */
export interface DeadLetter {
  /** The notification; undefined if it cannot be read, for example without its key. */
  readonly message: MessageNotification | undefined;
  /** For `redrive` and `discard`: its `mo_reference_id`, or a key if that is unreadable. */
  readonly reference: string;
  /** The number of hand-overs since it was stored or redriven. */
  readonly attempts: number;
  /** When the last attempt failed. */
  readonly failedAt: Date;
  /** What the last attempt failed with, without its text. */
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
 * these reject with an `ERR_INBOX` whose `cause` has the engine's error code. If an argument is
 * bad, they reject with a `TypeError`.
 */
export interface DurableInbox extends Inbox {
  /**
   * Resolves once the engine (SQLite, Redis or PostgreSQL) has completed a write. For health
   * checks, and for deploys that should fail early.
   */
  ready(): Promise<void>;
  /** The dead letters, oldest first. */
  deadLetters(options?: Readonly<DeadLettersOptions>): Promise<DeadLetter[]>;
  /** Hands a dead letter over again, from attempt 1. Resolves to `false` if there is none. */
  redrive(reference: string): Promise<boolean>;
  /** Deletes a dead letter, and its text with it. Resolves to `false` if there is none. */
  discard(reference: string): Promise<boolean>;
}
