import { existsSync } from "node:fs";

import type { DurableInbox } from "../inbox/durable/durable-inbox.js";

/** Where a durable inbox is. */
export interface InboxPlace {
  readonly engine: "sqlite" | "redis" | "postgres";
  /** A file for SQLite, otherwise a URL. */
  readonly address: string;
  /** BullMQ's queue. SQLite has none. */
  readonly queueName?: string;
  /** PostgreSQL's schema. */
  readonly schema?: string;
  readonly encryptionKey?: readonly string[];
}

/**
 * Opens a durable inbox to manage it, without consuming from it. Loads only the engine it needs.
 *
 * @throws TypeError, as a rejection, naming the flag or the variable that is wrong
 * @throws Error, as a rejection, if the inbox cannot be opened
 */
export async function openInbox(place: InboxPlace): Promise<DurableInbox> {
  try {
    return await (place.engine === "sqlite" ? openSqlite(place) : openBullmq(place));
  } catch (cause) {
    if (String(cause).includes("Cannot find module 'bullmq'")) throw new Error(MISSING, { cause });
    throw cause instanceof TypeError ? named(cause, place.engine) : cause;
  }
}

const MISSING = "BullMQ is not installed: npm install bullmq, and ioredis or pg";

const BAD_KEY =
  "TELESIGN_CALLBACK_ENCRYPTION_KEY must be 32 bytes as base64, or several such keys separated by commas";

async function openSqlite({ address: file, encryptionKey }: InboxPlace): Promise<DurableInbox> {
  // Otherwise the inbox would create a file under a mistyped name, and show no dead letters.
  if (!existsSync(file)) throw new TypeError("the file given with --sqlite does not exist");
  const { sqliteInbox } = await import("../sqlite/sqlite-inbox.js");
  return sqliteInbox({ file, ...(encryptionKey && { encryptionKey }) });
}

async function openBullmq(place: InboxPlace): Promise<DurableInbox> {
  const { engine, address, schema, ...options } = place;
  const { bullmqInbox } = await import("../bullmq/bullmq-inbox.js");
  if (engine === "redis") return bullmqInbox({ connection: { url: address }, ...options });
  const { createPostgresBackend } = await import("bullmq");
  // Migrations would create a mistyped schema, and the inbox would show no dead letters.
  const connection = { connectionString: address, ...(schema && { schema }), skipMigrations: true };
  return bullmqInbox({ connection, backend: createPostgresBackend, ...options });
}

/** The error of an option, naming the flag or the variable that the option came from. */
function named(cause: TypeError, engine: string): TypeError {
  if (cause.message.startsWith("encryptionKey")) return new TypeError(BAD_KEY, { cause });
  const text = cause.message
    .replace(/^(file|connection)(\.\w+)?/, `--${engine}`)
    .replace(/^queueName\b/, "--queue");
  return new TypeError(text, { cause });
}
