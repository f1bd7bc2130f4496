import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";

/** What an inbox makes of a notification: `accepted` if it is new, `duplicate` if it is a retry. */
export type Outcome = "accepted" | "duplicate";

/**
 * Hands a notification to every `message` listener. Resolves when all have settled. If any failed,
 * rejects with the first error, already reported. If nobody listens, rejects with an unreported
 * `ERR_NO_LISTENER`: the inbox must keep the notification, or report the error.
 */
export type HandOver = (message: MessageNotification, delivery: Delivery) => Promise<void>;

/**
 * Remembers notifications and hands them over: one interface, because the two must be one atomic
 * step. A store that only remembers would answer "duplicate" to the retry of a delivery whose
 * process died before its listeners ran.
 *
 * An inbox belongs to one callback. Its failures lose no message: if `accept` throws, rejects or
 * takes longer than 2 s, the answer is `accepted`, this process's listeners get the notification at
 * once, and an `ERR_INBOX` error is emitted.
 */
export interface Inbox {
  /**
   * Remembers a notification by its `mo_reference_id` and promises to hand it over, or recognises a
   * retry, in one step: of simultaneous deliveries only one is `accepted`. `delivery.attempt` is 1.
   */
  accept(message: MessageNotification, delivery: Delivery): Outcome | Promise<Outcome>;

  /**
   * Starts handing over, in this process, what was accepted and what will be. Called when the first
   * `message` listener subscribes, and again if the last one left and another came. The function it
   * returns stops this, and is called when the last one leaves. An inbox that hands a notification
   * over again increases `delivery.attempt`.
   */
  consume(handOver: HandOver): () => Promise<void>;

  /**
   * Sets where to report errors that belong to no call. Called once, before the first `accept`. A
   * `TelesignCallbackError` is reported as it is, anything else as an `ERR_INBOX`.
   */
  onError?(listener: (error: Error) => void): void;

  /** How many accepted notifications wait in this process, for `stats()`. */
  waiting?(): number;

  /**
   * Hands over or stores what is left, then accepts and hands over nothing more. `accept` is not
   * called afterwards. The callback waits for the hand-overs under way, so `close` need not.
   */
  close(): Promise<void>;
}
