/// <reference types="node" preserve="true" />

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";

import {
  createRedisBackend,
  isPgPool,
  Queue,
  Worker,
  type BackendFactory,
  type ConnectionOptions,
  type IQueueBackend,
  type PgPool,
  type PostgresConnectionOptions,
  type PostgresPoolConfig,
  type PostgresQueueBackend,
} from "bullmq";

import { inboxError, onUnheard } from "../errors.js";
import type { HandOver, Inbox } from "../inbox/inbox.js";
import { createJobQueue, type OpenQueue } from "./job-queue.js";
import { createJobWorker, type JobWorker, type OpenWorker } from "./job-worker.js";
import { refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import { createOutageBuffer, type Entry } from "../inbox/durable/outage-buffer.js";
import { createSeverableSockets } from "./severable-sockets.js";

/** What does not depend on the engine. */
export interface CommonInboxOptions {
  /**
   * The queue. Processes with the same one share their notifications; it must not hold a colon.
   * @default 'telesign-callback'
   */
  queueName?: string;
  /**
   * How many times a notification is handed over, before it is an `ERR_DEAD_LETTER` error and stays
   * in BullMQ's failed set for 30 days. A hand-over that a crash cut short counts.
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
   * How long, in milliseconds, a process may be silent before its notifications are taken to be cut
   * short. They are handed over again within twice that time. A listener may take longer, but must
   * not block the event loop for as long.
   * @default 30_000
   */
  lockDuration?: number;
  /**
   * How many notifications may wait in this process while the engine is down. Beyond that the oldest
   * goes to this process's listeners at once, or into an `error` event if it has none.
   * @default 10_000
   */
  maxBuffered?: number;
}

/** Options of an inbox on Redis or Valkey. */
export interface RedisInboxOptions extends CommonInboxOptions {
  /** Redis or Valkey, as BullMQ takes it: options of ioredis, or a client, which stays yours to close. */
  connection: ConnectionOptions;
  /** Only PostgreSQL has to be named. */
  backend?: never;
}

/** A `pg.Pool`; BullMQ's own type for it does not fit the one of `@types/pg`. */
export interface UserPool {
  /** Lends a client. */
  connect(): Promise<unknown>;
  /** Asks on any client. */
  query(text: string): Promise<unknown>;
  /** Ends all clients. */
  end(): Promise<void>;
}

/** Options of an inbox on PostgreSQL. */
export interface PostgresInboxOptions extends CommonInboxOptions {
  /**
   * PostgreSQL, as BullMQ takes it: a connection string or a configuration, with which the inbox
   * makes and migrates its schema; or a `pg.Pool`, which stays yours to migrate and to close.
   */
  connection: PostgresConnectionOptions | UserPool;
  /** `createPostgresBackend` of BullMQ. */
  backend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions>;
}

/** Where a durable inbox stores, and how it hands over. */
export type BullmqInboxOptions = RedisInboxOptions | PostgresInboxOptions;

const NAMES = [
  "connection",
  "backend",
  "queueName",
  "attempts",
  "dedupeTtl",
  "concurrency",
  "lockDuration",
  "maxBuffered",
];

/** How long, in ms, a connection or a worker that was refused waits before it asks again. */
const RETRY_INTERVAL = 1_000;

/**
 * The durable inbox: BullMQ on Redis, Valkey or PostgreSQL. A notification is acknowledged once it is
 * stored, any number of processes receive and consume, and what a crash cuts short is handed over
 * again: at least once, so listeners must be idempotent, with `mo_reference_id` as the key. A
 * process consumes while it has a `message` listener. A listener that fails is called again, together
 * with the others, after 1 s, 2 s, 4 s and so on.
 *
 * While the engine is down TeleSign still gets its 200, and notifications wait in this process; a
 * crash in that time loses them.
 *
 * @throws TypeError if an option is bad or unknown
 * @throws Error if the driver for the engine, `ioredis` or `pg`, is not installed
 *
 * @example
 * const inbox = bullmqInbox({ connection: { host: '127.0.0.1' } });
 * app.use(telesignCallback({ inbox, onMessage }));
 *
 * @example
 * bullmqInbox({ connection: 'postgres://127.0.0.1/app', backend: createPostgresBackend });
 */
export function bullmqInbox(options: Readonly<BullmqInboxOptions>): Inbox {
  const settings = resolveOptions(options);
  return options.backend === undefined
    ? createInbox(redisDriver(options.connection), settings)
    : createInbox(postgresDriver(options.connection, options.backend), settings);
}

type Settings = ReturnType<typeof resolveOptions>;

function resolveOptions(options: Readonly<BullmqInboxOptions>) {
  refuseUnknownAndUndefined(options, NAMES);
  const { connection, backend, queueName = "telesign-callback" } = options;
  if (typeof queueName !== "string" || !/^[^:]+$/.test(queueName)) {
    throw new TypeError("queueName must be a text without a colon");
  }
  if (backend !== undefined && typeof backend !== "function") {
    throw new TypeError("backend must be createPostgresBackend, of bullmq");
  }
  if (backend === undefined && isPostgres(connection)) {
    throw new TypeError(
      "connection is PostgreSQL's; add backend: createPostgresBackend, of bullmq",
    );
  }
  const isText = typeof connection === "string" && backend !== undefined;
  if (!isText && (typeof connection !== "object" || connection === null)) {
    throw new TypeError("connection must be what BullMQ takes; text is for PostgreSQL alone");
  }
  const { attempts = 12, dedupeTtl = 86_400_000, concurrency = 10 } = options;
  const { lockDuration = 30_000, maxBuffered = 10_000 } = options;
  return {
    queueName,
    attempts: wholeNumber("attempts", attempts),
    dedupeTtl: wholeNumber("dedupeTtl", dedupeTtl),
    concurrency: wholeNumber("concurrency", concurrency),
    lockDuration: wholeNumber("lockDuration", lockDuration),
    maxBuffered: wholeNumber("maxBuffered", maxBuffered),
  };
}

/** BullMQ would take it for options of Redis that name no host, and store on this machine's. */
function isPostgres(connection: unknown): boolean {
  if (typeof connection !== "object" || connection === null) return false;
  return isPgPool(connection) || "connectionString" in connection;
}

/** What differs between the engines. */
interface Driver<Backend extends IQueueBackend, Connection> {
  readonly backend: BackendFactory<Backend, Connection>;
  /** The user's own clients and pools are not ours to replace or to close. */
  readonly ownsConnections: boolean;
  /** Makes a queue or a worker; `sever` ends its connection whatever state that is in. */
  readonly open: <T extends { getBackend(): Backend }>(
    make: (connection: Connection) => T,
  ) => { made: T; sever: () => void };
  /** Deletes the references that are remembered no longer. */
  readonly prune: (backend: Backend, queueName: string) => Promise<unknown>;
}

function redisDriver(given: ConnectionOptions): Driver<IQueueBackend, ConnectionOptions> {
  const isClient = "duplicate" in given && typeof given.duplicate === "function";
  if (!isClient) requireDriver();
  else if (givesUp(given)) {
    throw new TypeError("connection must be a client made with maxRetriesPerRequest: null");
  }
  // BullMQ's own strategy lets up to 20 s pass. A client is given on as it is, a spread would break it.
  const connection = isClient ? given : { retryStrategy: () => RETRY_INTERVAL, ...given };
  return {
    backend: createRedisBackend,
    ownsConnections: !isClient,
    open: (make) => ({ made: make(connection), sever: () => {} }),
    prune: () => Promise.resolve(),
  };
}

/** BullMQ's queue would take such a client, and its worker refuse it: notifications stored, and never handed over. */
function givesUp(client: object): boolean {
  const options = Object(Reflect.get(client, "options")) as { maxRetriesPerRequest?: unknown };
  return typeof options.maxRetriesPerRequest === "number";
}

/** BullMQ says so in a rejection, after the first notifications were acknowledged. */
function requireDriver() {
  try {
    createRequire(__filename)("ioredis");
  } catch (cause) {
    throw new Error("the inbox needs ioredis for Redis; npm install ioredis", { cause });
  }
}

function postgresDriver(
  given: PostgresInboxOptions["connection"],
  backend: PostgresInboxOptions["backend"],
): Driver<PostgresQueueBackend, PostgresConnectionOptions> {
  if (isPool(given)) surviveCuts(given);
  return {
    backend,
    ownsConnections: !isPool(given),
    open: (make) => (isPool(given) ? onPool(given, make) : onConfiguration(given, make)),
    prune: ({ connection }, queueName) =>
      connection.pool.query("DELETE FROM dedup WHERE queue = $1 AND expire_at_ms < $2", [
        queueName,
        Date.now(),
      ]),
  };
}

/**
 * While a client of a pool is on loan nobody hears its `error`, unless it runs a query of the pool's
 * own: a connection that is cut while BullMQ looks at the schema would end the process.
 */
function surviveCuts(pool: PgPool) {
  if (surviving.has(pool)) return;
  surviving.add(pool);
  pool.on("connect", (client) => client.on("error", () => {}));
}

// A pool of the user's own may serve one inbox after another.
const surviving = new WeakSet<PgPool>();

function onConfiguration<T extends { getBackend(): PostgresQueueBackend }>(
  given: string | object,
  make: (connection: PostgresPoolConfig) => T,
) {
  const configuration = typeof given === "string" ? { connectionString: given } : given;
  const { stream, sever } = createSeverableSockets();
  const migrate = "skipMigrations" in configuration ? {} : { migrate: true };
  const made = make({ ...migrate, keepAlive: true, stream, ...configuration });
  surviveCuts(made.getBackend().connection.pool);
  return { made, sever };
}

/** BullMQ leaves a listener behind on a pool that is not its own, for each queue that it ever had. */
function onPool<T>(pool: EmitterPool, make: (pool: PgPool) => T) {
  const added: ((error: Error) => void)[] = [];
  const note = (_: "error", listener: (error: Error) => void) => added.push(listener);
  pool.on("newListener", note);
  const made = make(pool);
  pool.off("newListener", note);
  return { made, sever: () => added.forEach((listener) => pool.off("error", listener)) };
}

/** BullMQ's own type of a pool leaves out that it is an emitter. */
type EmitterPool = PgPool & EventEmitter;

function isPool(given: unknown): given is EmitterPool {
  return isPgPool(given);
}

/** The queues and workers of one inbox. */
function opener<Backend extends IQueueBackend, Connection>(
  { backend, ownsConnections, open, prune }: Driver<Backend, Connection>,
  { queueName, attempts, concurrency, lockDuration }: Settings,
) {
  const openQueue: OpenQueue = () => {
    const { made, sever } = open((connection) => new Queue(queueName, { connection }, backend));
    return {
      queue: made,
      connection: { backend: made.getBackend(), isOurs: ownsConnections, sever },
      prune: () => prune(made.getBackend(), queueName),
    };
  };
  const openWorker: OpenWorker = (process) => {
    const options = {
      concurrency,
      lockDuration,
      // A crash shows in two rounds. Four to a lock find it within twice the lock.
      stalledInterval: Math.ceil(lockDuration / 4),
      maxStalledCount: attempts,
      runRetryDelay: RETRY_INTERVAL,
      autorun: false,
    };
    const { made, sever } = open(
      (connection) => new Worker(queueName, process, { ...options, connection }, backend),
    );
    const connection = { backend: made.getBackend(), isOurs: ownsConnections, sever };
    return { worker: made, connection };
  };
  return { openQueue, openWorker, ownsConnections };
}

function createInbox<Backend extends IQueueBackend, Connection>(
  driver: Driver<Backend, Connection>,
  settings: Settings,
): Inbox {
  const { openQueue, openWorker, ownsConnections } = opener(driver, settings);
  let report: (error: Error) => void = () => {};
  let consumer: { handOver: HandOver; worker: JobWorker } | undefined;
  let stopped: Promise<unknown> = Promise.resolve();
  const events = {
    onTrouble: (error: unknown) => buffer.suspect(error),
    report: (error: Error) => report(error),
  };
  const jobs = createJobQueue(openQueue, settings, events);
  const buffer = createOutageBuffer({
    engine: {
      ...jobs,
      ownsConnections,
      onOutage: () => consumer?.worker.rest(),
      onAnswer: () => consumer?.worker.revive(),
    },
    maxBuffered: settings.maxBuffered,
    aftermath: settings.lockDuration,
    passOn,
    report: events.report,
  });

  function passOn({ message, delivery }: Entry<unknown>, cause: unknown) {
    // Outside the engine there is no second attempt.
    if (consumer) return void consumer.handOver(message, delivery).catch(onUnheard(report));
    const text = "a notification can neither be stored nor wait, and this process has no listener";
    report(inboxError(text, cause, message));
  }

  function consume(handOver: HandOver): () => Promise<void> {
    const worker = createJobWorker(openWorker, settings, handOver, events);
    consumer = { handOver, worker };
    if (buffer.isDown()) worker.rest();
    return function stop() {
      consumer = undefined;
      const stopping = worker.stop(buffer.isDown);
      stopped = Promise.all([stopped, stopping]);
      return stopping;
    };
  }

  function onError(listener: (error: Error) => void) {
    report = listener;
  }

  async function close() {
    await Promise.all([buffer.close(), consumer?.worker.stop(buffer.isDown), stopped]);
    await jobs.close(buffer.isDown());
  }

  return { accept: buffer.accept, consume, onError, close };
}
