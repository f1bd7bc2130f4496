import { milliseconds, wholeNumber } from "../../option-checks.js";
import type { EncryptionKey } from "./encryption.js";

/** Options of a durable inbox that do not depend on its engine. */
export interface DurableInboxOptions {
  /**
   * How often a notification is handed over before it becomes a dead letter: kept for 30 days, and
   * reported as an `ERR_DEAD_LETTER`. A hand-over that a crash cut short counts.
   * @default 12
   */
  attempts?: number;
  /**
   * How long a reference is remembered, in milliseconds, counted from when it was stored.
   * @default 86_400_000
   */
  dedupeTtl?: number;
  /**
   * How many notifications this process hands over at the same time.
   * @default 10
   */
  concurrency?: number;
  /**
   * How long a process may show no sign of life, in milliseconds, before its hand-overs count as
   * cut short. They are usually repeated within twice that time. A listener may run for longer than
   * this, but must not block the event loop for half of it. At least 100.
   * @default 30_000
   */
  lockDuration?: number;
  /**
   * How many notifications may wait in this process while the engine is down. Their text is limited
   * to 64 MB as well. Beyond either limit the oldest goes to this process's listeners at once, or
   * into an `error` event if there are none.
   * @default 10_000
   */
  maxBuffered?: number;
  /**
   * The key that encrypts notifications (AES-256-GCM): 32 bytes as base64 or a Buffer, or several
   * keys while one is replaced. The first encrypts, all decrypt. References stay in the clear;
   * without a key, everything does.
   */
  encryptionKey?: EncryptionKey;
}

/** The names of the {@link DurableInboxOptions}. */
export const DURABLE_OPTIONS = [
  "attempts",
  "dedupeTtl",
  "concurrency",
  "lockDuration",
  "maxBuffered",
  "encryptionKey",
] as const satisfies readonly (keyof DurableInboxOptions)[];

/**
 * The least `lockDuration`, in ms. A shorter lock could end before it is renewed, so a message
 * would be handed over again and again. A smaller number is usually meant as seconds.
 */
const LEAST_LOCK = 100;

/**
 * The numbers among the options, with their defaults.
 *
 * @throws TypeError naming the option that is bad
 */
export function durableNumbers(options: Readonly<DurableInboxOptions>) {
  const { attempts = 12, dedupeTtl = 86_400_000, concurrency = 10 } = options;
  const { lockDuration = 30_000, maxBuffered = 10_000 } = options;
  return {
    attempts: wholeNumber("attempts", attempts),
    dedupeTtl: milliseconds("dedupeTtl", dedupeTtl),
    concurrency: wholeNumber("concurrency", concurrency),
    lockDuration: milliseconds("lockDuration", lockDuration, LEAST_LOCK),
    maxBuffered: wholeNumber("maxBuffered", maxBuffered),
  };
}
