import {
  DURABLE_OPTIONS,
  durableNumbers,
  type DurableInboxOptions,
} from "../inbox/durable/durable-options.js";
import { createStoredForm } from "../inbox/durable/stored-notification.js";
import { refuseUnknownAndUndefined } from "../option-checks.js";
import { createStoredText } from "./stored-text.js";

/** Options of {@link sqliteInbox}. */
export interface SqliteInboxOptions extends DurableInboxOptions {
  /**
   * Path of the database file, on a local disk. A missing file is created, readable only by its
   * owner; its directory must exist. Processes that use the same file share its notifications.
   */
  file: string;
}

/** The checked options, with their defaults. */
export type Settings = ReturnType<typeof resolveOptions>;

/** @throws TypeError if an option is bad or unknown */
export function resolveOptions(options: Readonly<SqliteInboxOptions>) {
  refuseUnknownAndUndefined(options, ["file", ...DURABLE_OPTIONS]);
  return {
    ...durableNumbers(options),
    storedText: createStoredText(createStoredForm(options.encryptionKey)),
  };
}
