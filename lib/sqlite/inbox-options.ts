import {
  DURABLE_OPTIONS,
  durableNumbers,
  type DurableInboxOptions,
} from "../inbox/durable/durable-options.js";
import { createStoredForm } from "../inbox/durable/stored-notification.js";
import { refuseUnknownAndUndefined } from "../option-checks.js";
import { createStoredText } from "./stored-text.js";

/** Where and how {@link sqliteInbox} stores, and how it hands over. */
export interface SqliteInboxOptions extends DurableInboxOptions {
  /**
   * Path of the database. It is created, readable only by its owner, in a directory that exists.
   * Processes of one machine with the same file share its notifications. It must be on a local disk.
   */
  file: string;
}

/** Options that were checked, with their defaults. */
export type Settings = ReturnType<typeof resolveOptions>;

/** @throws TypeError if an option is bad or unknown */
export function resolveOptions(options: Readonly<SqliteInboxOptions>) {
  refuseUnknownAndUndefined(options, ["file", ...DURABLE_OPTIONS]);
  return {
    ...durableNumbers(options),
    storedText: createStoredText(createStoredForm(options.encryptionKey)),
  };
}
