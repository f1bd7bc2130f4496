/// <reference types="node" preserve="true" />

import { isBuiltin } from "node:module";

import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createInbox } from "./create-inbox.js";
import { claimFile } from "./database-file.js";
import { resolveOptions, type SqliteInboxOptions } from "./inbox-options.js";

export type {
  DeadLetter,
  DeadLettersOptions,
  DurableInbox,
} from "../inbox/durable/durable-inbox.js";
export type { DurableInboxOptions } from "../inbox/durable/durable-options.js";
export type { EncryptionKey } from "../inbox/durable/encryption.js";
export type { SqliteInboxOptions } from "./inbox-options.js";

/**
 * The durable inbox without a server: one SQLite file on this machine's disk. A notification is
 * acknowledged once it is committed and flushed. Any number of processes on this machine (before
 * SQLite 3.51.3, only one) can receive; those with a `message` listener hand over. If a listener
 * fails, all listeners are called again after 1 s, 2 s, 4 s and so on. A hand-over that a crash
 * cuts short is also repeated. So listeners must be idempotent, with `mo_reference_id` as the key.
 *
 * While the file cannot be written to, TeleSign still gets its 200, and notifications wait in this
 * process, where a crash loses them.
 *
 * @throws TypeError if an option is bad or unknown, or another inbox of this process has the file
 * @throws Error if this Node has no `node:sqlite`, or the file cannot be used
 *
 * @example
 * const inbox = sqliteInbox({ file: './inbox.db' });
 * app.use(telesignCallback({ inbox, onMessage }));
 */
export function sqliteInbox(options: Readonly<SqliteInboxOptions>): DurableInbox {
  const settings = resolveOptions(options);
  if (!isBuiltin("node:sqlite")) {
    throw new Error("sqliteInbox needs node:sqlite, which Node has from version 22.13 on");
  }
  return createInbox(claimFile(options.file), settings);
}
