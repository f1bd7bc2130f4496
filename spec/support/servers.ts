import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import {
  createPostgresBackend,
  Queue,
  type ConnectionOptions,
  type PostgresConnectionOptions,
} from "bullmq";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { bullmqInbox } from "telesign-callback/bullmq";

export const POSTGRES_URL = withUser(
  process.env.TEST_POSTGRES_URL ?? "postgres://127.0.0.1:5432/test",
);

/** Chooses the user as psql does. node-postgres goes by $USER, which a container may lack. */
function withUser(text: string): string {
  const url = new URL(text);
  url.username ||= process.env.PGUSER ?? userInfo().username;
  return url.href;
}

/** A server that a spec can take down. */
export interface TestEngine {
  readonly start: () => Promise<void>;
  /** Refuses new connections, and ends those that are open. */
  readonly refuse: () => Promise<void>;
  /** Accepts connections, and says nothing. */
  readonly hang: () => void;
  /** Ends `hang`. */
  readonly resume: () => void;
  /** Answers but refuses to store, like a replica that was taken for the primary. */
  readonly setReadOnly: (isReadOnly: boolean) => Promise<void>;
  /** Options of `bullmqInbox` that connect to this server; the spec chooses the queue. */
  readonly options: () =>
    | { connection: ConnectionOptions; backend?: never }
    | { connection: PostgresConnectionOptions; backend: typeof createPostgresBackend };
  readonly close: () => Promise<void>;
}

export type EngineName = "Redis" | "PostgreSQL";

/** Describes a promise once for each engine that is there. With CI=true, a missing one throws. */
export function describeOnEachEngine(
  promise: string,
  define: (name: EngineName, engine: TestEngine) => void,
): void {
  for (const name of ["Redis", "PostgreSQL"] as const) {
    const describeHere = isThere(name) ? describe : describe.skip;
    describeHere(`${promise} (${name})`, () => {
      define(name, name === "Redis" ? redisServer() : postgresServer());
    });
  }
}

export function isThere(name: EngineName): boolean {
  const found = name === "Redis" ? hasRedis() : hasPostgres();
  if (!found && process.env.CI === "true") throw new Error(`${name} is needed with CI=true`);
  if (!found) process.stderr.write(`skipped: ${name} is not there\n`);
  return found;
}

function hasRedis(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

function hasPostgres(): boolean {
  const { hostname, port } = new URL(POSTGRES_URL);
  const script = `require("net").connect(${port || "5432"}, "${hostname}")
    .on("connect", () => process.exit(0)).on("error", () => process.exit(1))`;
  return spawnSync(process.execPath, ["-e", script]).status === 0;
}

let queues = 0;

/** A name that neither another spec file nor another run uses. */
export function uniqueName(): string {
  queues += 1;
  return `spec_${process.pid}_${Date.now()}_${queues}`;
}

/** A Redis that keeps every acknowledged write, even after SIGKILL. */
export function redisServer(): TestEngine {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-redis-"));
  let server: ChildProcess | undefined;
  let port = 0;

  async function start() {
    port ||= await freePort();
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    server = spawn("redis-server", ["--port", `${port}`, "--dir", directory, ...durable]);
    await outputOf(server, "Ready to accept connections");
  }

  async function refuse() {
    const exited = server && once(server, "exit");
    server?.kill("SIGKILL");
    await exited;
    server = undefined;
  }

  return {
    start,
    refuse,
    hang: () => server?.kill("SIGSTOP"),
    resume: () => server?.kill("SIGCONT"),
    async setReadOnly(isReadOnly) {
      const client = new Redis(port);
      await client.config("SET", "min-replicas-to-write", isReadOnly ? 1 : 0);
      await client.quit();
    },
    options: () => ({ connection: { host: "127.0.0.1", port } }),
    async close() {
      await refuse();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function outputOf(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes(text)) resolve();
    });
    child.on("exit", () => reject(new Error(`exited without a word of "${text}"`)));
  });
}

/** PostgreSQL behind a proxy that can be cut or stalled. `close` drops the database of the spec. */
export function postgresServer(): TestEngine {
  const database = uniqueName();
  const target = new URL(POSTGRES_URL);
  const sockets = new Set<Socket>();
  let isHanging = false;
  let proxy: Server | undefined;
  let port = 0;

  async function start() {
    if (port === 0) await query(`CREATE DATABASE "${database}"`);
    port ||= await freePort();
    proxy = createServer(relay).listen(port, "127.0.0.1");
    await once(proxy, "listening");
  }

  function relay(client: Socket) {
    const server = connect(Number(target.port || "5432"), target.hostname);
    const pair = [client, server];
    for (const socket of pair) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        pair.forEach((end) => end.destroy());
      });
    }
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk) => client.write(chunk));
    if (isHanging) pair.forEach((socket) => socket.pause());
  }

  async function refuse() {
    if (proxy === undefined) return;
    const closed = once(proxy, "close");
    proxy.close();
    sockets.forEach((socket) => socket.destroy());
    await closed;
    proxy = undefined;
  }

  return {
    start,
    refuse,
    hang() {
      isHanging = true;
      sockets.forEach((socket) => socket.pause());
    },
    resume() {
      isHanging = false;
      sockets.forEach((socket) => socket.resume());
    },
    options() {
      const url = new URL(target);
      url.hostname = "127.0.0.1";
      url.port = `${port}`;
      url.pathname = database;
      return { connection: { connectionString: url.href }, backend: createPostgresBackend };
    },
    async setReadOnly(isReadOnly) {
      await query(`ALTER DATABASE "${database}" SET default_transaction_read_only = ${isReadOnly}`);
      // The setting applies only to new sessions.
      await refuse();
      await start();
    },
    async close() {
      await refuse();
      await query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
    },
  };
}

function query(text: string) {
  return withPool((pool) => pool.query(text));
}

/** Runs a task on a pool that bypasses the proxy. */
export async function withPool<T>(use: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: POSTGRES_URL });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

/** An inbox on an engine, with the options that a spec sets. */
export function inboxOn(engine: TestEngine, options: object = {}) {
  return bullmqInbox({ queueName: "spec", ...engine.options(), ...options });
}

/** BullMQ's own queue on an engine. */
export function queueOn(engine: TestEngine, queueName: string) {
  const options = engine.options();
  return options.backend === undefined
    ? new Queue(queueName, { connection: options.connection })
    : new Queue(queueName, { connection: options.connection }, options.backend);
}

/** An inbox as another process would have it: the package is loaded once more. */
export function inboxOfAnotherProcess(engine: TestEngine, options: object = {}) {
  let open = bullmqInbox;
  jest.isolateModules(() => {
    open = jest.requireActual<typeof import("telesign-callback/bullmq")>(
      "telesign-callback/bullmq",
    ).bullmqInbox;
  });
  return open({ queueName: "spec", ...engine.options(), ...options });
}
