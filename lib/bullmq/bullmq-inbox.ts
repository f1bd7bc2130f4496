/// <reference types="node" preserve="true" />

import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createInbox } from "./create-inbox.js";
import { resolveOptions, type BullmqInboxOptions } from "./inbox-options.js";
import { postgresDriver } from "./postgres-driver.js";
import { redisDriver } from "./redis-driver.js";

export type { DurableInboxOptions } from "../inbox/durable/durable-options.js";
export type { EncryptionKey } from "../inbox/durable/encryption.js";
export type {
  DeadLetter,
  DeadLettersOptions,
  DurableInbox,
} from "../inbox/durable/durable-inbox.js";
export type {
  BullmqInboxOptions,
  CommonInboxOptions,
  PostgresInboxOptions,
  RedisInboxOptions,
  UserPool,
} from "./inbox-options.js";

/**
 * The durable inbox on BullMQ, with Redis, Valkey or PostgreSQL. A notification is acknowledged
 * once it is stored. Any number of processes can receive; those with a `message` listener hand
 * over. If a listener fails, all listeners are called again after 1 s, 2 s, 4 s and so on. A
 * hand-over that a crash cuts short is also repeated. So listeners must be idempotent, with
 * `mo_reference_id` as the key.
 *
 * While the engine is down, TeleSign still gets its 200, and notifications wait in this process,
 * where a crash loses them.
 *
 * @throws TypeError if an option is bad or unknown, or another inbox of this process has the queue
 * @throws Error if the driver for the engine, `ioredis` or `pg`, is not installed
 *
 * @example
 * const inbox = bullmqInbox({ connection: { host: '127.0.0.1' } });
 * app.use(telesignCallback({ inbox, onMessage }));
 *
 * @example
 * bullmqInbox({ connection: 'postgres://user@127.0.0.1/app', backend: createPostgresBackend });
 */
export function bullmqInbox(options: Readonly<BullmqInboxOptions>): DurableInbox {
  const settings = resolveOptions(options);
  return options.backend === undefined
    ? createInbox(redisDriver(options.connection, settings.queueName), settings)
    : createInbox(postgresDriver(options), settings);
}
