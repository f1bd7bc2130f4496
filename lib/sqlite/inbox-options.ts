import type { EncryptionKey } from "../inbox/durable/encryption.js";
import { createStoredForm } from "../inbox/durable/stored-notification.js";
import { milliseconds, refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import { createStoredText } from "./stored-text.js";

/** Where and how {@link sqliteInbox} stores, and how it hands over. */
export interface SqliteInboxOptions {
  /**
   * Path of the database. It is created, readable for its owner only, in a directory that exists.
   * Processes of one machine with the same file share its notifications. It must be on a local disk.
   */
  file: string;
  /**
   * How many times a notification is handed over before it is an `ERR_DEAD_LETTER` error and kept
   * as a dead letter for 30 days. A hand-over that a crash cut short counts.
   * @default 12
   */
  attempts?: number;
  /**
   * How long a reference is remembered, in milliseconds, counted from when it was stored.
   * @default 86_400_000
   */
  dedupeTtl?: number;
  /**
   * How many notifications this process hands over at a time.
   * @default 10
   */
  concurrency?: number;
  /**
   * How long, in milliseconds, a process may be silent before another one takes over what it was
   * handing over, within twice that time. A listener may take longer, but must not block the event
   * loop for as long.
   * @default 30_000
   */
  lockDuration?: number;
  /**
   * How many notifications may wait in this process while the disk takes none; their text is limited
   * to 64 MB as well. Beyond that the oldest goes to this process's listeners at once, or into an
   * `error` event if it has none.
   * @default 10_000
   */
  maxBuffered?: number;
  /**
   * Encrypts what is stored with AES-256-GCM: 32 bytes, as base64 or a Buffer, or several such keys
   * while one is replaced: the first encrypts, all decrypt. Without it texts are stored as they are.
   */
  encryptionKey?: EncryptionKey;
}

const NAMES = [
  "file",
  "attempts",
  "dedupeTtl",
  "concurrency",
  "lockDuration",
  "maxBuffered",
  "encryptionKey",
];

/** Options that were checked, with their defaults. */
export type Settings = ReturnType<typeof resolveOptions>;

/** @throws TypeError if an option is bad or unknown */
export function resolveOptions(options: Readonly<SqliteInboxOptions>) {
  refuseUnknownAndUndefined(options, NAMES);
  const { attempts = 12, dedupeTtl = 86_400_000, concurrency = 10 } = options;
  const { lockDuration = 30_000, maxBuffered = 10_000, encryptionKey } = options;
  return {
    attempts: wholeNumber("attempts", attempts),
    dedupeTtl: milliseconds("dedupeTtl", dedupeTtl),
    concurrency: wholeNumber("concurrency", concurrency),
    lockDuration: milliseconds("lockDuration", lockDuration),
    maxBuffered: wholeNumber("maxBuffered", maxBuffered),
    storedText: createStoredText(createStoredForm(encryptionKey)),
  };
}
