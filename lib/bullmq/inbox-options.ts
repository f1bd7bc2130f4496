import {
  isPgPool,
  type BackendFactory,
  type ConnectionOptions,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  type Telemetry,
} from "bullmq";

import {
  DURABLE_OPTIONS,
  durableNumbers,
  type DurableInboxOptions,
} from "../inbox/durable/durable-options.js";
import { createStoredForm } from "../inbox/durable/stored-notification.js";
import { refuseUnknownAndUndefined } from "../option-checks.js";

/** Options that do not depend on the engine. */
export interface CommonInboxOptions extends DurableInboxOptions {
  /**
   * Name of the queue, without a colon. Processes that use the same queue share its notifications.
   * On a Redis Cluster it must contain a hash tag, as in `'{telesign-callback}'`.
   * @default 'telesign-callback'
   */
  queueName?: string;
  /** Passed on to BullMQ, for traces and metrics of its queue and its worker. */
  telemetry?: Telemetry;
}

/** Options of an inbox on Redis or Valkey. */
export interface RedisInboxOptions extends CommonInboxOptions {
  /**
   * Redis or Valkey, as BullMQ takes it: ioredis options, or a client (a `Redis` or a `Cluster`).
   * The inbox opens its own connections in both cases, and leaves your client open.
   */
  connection: ConnectionOptions;
  /** Only PostgreSQL needs it. */
  backend?: never;
}

/** A `pg.Pool`. BullMQ's own type for it does not fit the one of `@types/pg`. */
export interface UserPool {
  /** Lends a client. */
  connect(): Promise<unknown>;
  /** Runs a query on any client. */
  query(text: string): Promise<unknown>;
  /** Ends all clients. */
  end(): Promise<void>;
}

/** Options of an inbox on PostgreSQL. */
export interface PostgresInboxOptions extends CommonInboxOptions {
  /**
   * PostgreSQL, as BullMQ takes it: a connection string, a configuration or a `pg.Pool`. With a
   * string or a configuration, the inbox creates and migrates the schema. With a pool, you migrate
   * the schema, and close the pool.
   */
  connection: PostgresConnectionOptions | UserPool;
  /** BullMQ's `createPostgresBackend`. */
  backend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions>;
}

/** Options of {@link bullmqInbox}. */
export type BullmqInboxOptions = RedisInboxOptions | PostgresInboxOptions;

const NAMES = ["connection", "backend", "queueName", ...DURABLE_OPTIONS, "telemetry"];

/** The options that do not depend on the engine, with their defaults. */
export type Settings = ReturnType<typeof resolveOptions>;

/**
 * Checks the options. The drivers check `connection` further.
 *
 * @throws TypeError naming the option that is bad or unknown
 */
export function resolveOptions(options: Readonly<BullmqInboxOptions>) {
  refuseUnknownAndUndefined(options, NAMES);
  checkEngine(options);
  const { queueName = "telesign-callback", telemetry } = options;
  if (typeof queueName !== "string" || !/^[^:]+$/.test(queueName)) {
    throw new TypeError("queueName must be a string without a colon");
  }
  if (telemetry !== undefined && !isTelemetry(telemetry)) {
    throw new TypeError("telemetry must be what BullMQ takes, such as BullMQOtel from bullmq-otel");
  }
  return {
    queueName,
    ...durableNumbers(options),
    form: createStoredForm(options.encryptionKey),
    telemetry,
  };
}

function checkEngine({ connection, backend }: Readonly<BullmqInboxOptions>) {
  if (backend !== undefined && typeof backend !== "function") {
    throw new TypeError("backend must be createPostgresBackend from bullmq");
  }
  if (backend === undefined && isPostgres(connection)) {
    throw new TypeError(
      "connection is PostgreSQL's; add backend: createPostgresBackend from bullmq",
    );
  }
  const isText = typeof connection === "string" && backend !== undefined;
  if (!isText && (typeof connection !== "object" || connection === null)) {
    throw new TypeError(
      "connection must be what BullMQ takes; only PostgreSQL's can be a string: " +
        "for Redis write { url: 'redis://…' }",
    );
  }
}

/** Whether a connection is PostgreSQL's. Without `backend`, BullMQ would use Redis at 127.0.0.1. */
function isPostgres(connection: unknown): boolean {
  if (typeof connection !== "object" || connection === null) return false;
  return isPgPool(connection) || "connectionString" in connection;
}

function isTelemetry(telemetry: unknown): boolean {
  return (
    typeof telemetry === "object" &&
    telemetry !== null &&
    "tracer" in telemetry &&
    "contextManager" in telemetry
  );
}
