import { randomUUID } from "node:crypto";
import type { EventEmitter } from "node:events";

import { isPgPool, type PgPool } from "bullmq";

import { bareError } from "../errors.js";
import { localName, refuseWrongPlace, renamed, type PlaceOptions } from "./connection-checks.js";
import { loadDriver, parsesJson, typeParsers } from "./postgres-types.js";

/** A `pg.Pool`. BullMQ's own type for it leaves out its options, and that it is an emitter. */
export type EmitterPool = PgPool &
  EventEmitter & {
    readonly ended?: boolean;
    readonly ending?: boolean;
    readonly options?: Readonly<Record<string, unknown>>;
  };

const PLACE: PlaceOptions = {
  where: ["connectionString", "host", "port", "database", "user"],
  misplaced: {
    ...renamed(["url", "uri"], "connectionString"),
    ...renamed(["hostname", "server", "address", "endpoint", "ip"], "host"),
    ...renamed(["db", "dbname"], "database"),
    username: "user",
  },
};

/** Whether a connection is a pool, and not a configuration. */
export function isPool(given: unknown): given is EmitterPool {
  return isPgPool(given);
}

/**
 * Refuses a pool that cannot work.
 *
 * @throws TypeError that says what to write instead
 */
export function refuseUnfitPool(pool: EmitterPool): void {
  if ("connectionParameters" in pool) {
    throw new TypeError("connection must be a Pool from pg, which lends clients, not a Client");
  }
  if (pool.ended || pool.ending) throw new TypeError("connection is a Pool that has ended");
  const { max = 10, types, ...options } = pool.options ?? {};
  if (Number(max) < 2) {
    throw new TypeError("connection must be a Pool with max: 2 or more; one client waits for jobs");
  }
  if (!parsesJson(types)) {
    throw new TypeError("connection must be a Pool that parses JSON; give it types that do");
  }
  refuseUnfitOptions(options);
}

/**
 * Adapts a configuration to the inbox.
 *
 * @throws TypeError that says what to write instead
 * @throws Error if pg is not installed
 */
export function fitConfiguration(given: string | object): Readonly<Record<string, unknown>> {
  const written = typeof given === "string" ? { connectionString: given } : given;
  refuseWrongPlace(written, PLACE);
  const options: Record<string, unknown> = { ...written };
  refuseUnfitOptions(options);
  if ("migrate" in options && "skipMigrations" in options) {
    throw new TypeError("connection must not have both migrate and skipMigrations");
  }
  const migrate = "skipMigrations" in options ? {} : { migrate: true };
  return { ...migrate, keepAlive: true, ...options, allowExitOnIdle: true, types: typeParsers() };
}

function refuseUnfitOptions(options: Readonly<Record<string, unknown>>) {
  const { connectionString, binary, client_encoding: encoding, replication } = options;
  if (
    connectionString !== undefined &&
    !isMatch(connectionString, /^(postgres(ql)?|socket):[^#]*$/)
  ) {
    throw unfitUrl();
  }
  if (binary) throw new TypeError("connection must not have binary; BullMQ reads text");
  if (replication) throw new TypeError("connection must not have replication; BullMQ runs queries");
  if (encoding !== undefined && !isMatch(encoding, /^utf-?8$/i)) {
    throw new TypeError("connection must not have client_encoding; pg reads and writes UTF-8");
  }
}

function unfitUrl() {
  return new TypeError(
    "connection must be a URL that starts with postgres:// or postgresql://; percent-encode its password",
  );
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

/**
 * Names the server, the database and the schema, as pg reads them from a URL, the options and the
 * environment. A pool has no `schema` option: its `search_path` decides.
 *
 * @throws TypeError if pg cannot read the URL
 */
export function placeOf(options: object, schema: unknown): string {
  const client = modelOf(options);
  // The options belong to another driver, or name a file that does not exist.
  if (!client) return randomUUID();
  const { host, port, database } = client;
  const parameters: unknown = Reflect.get(client, "connectionParameters");
  const { options: settings } = Object(parameters) as { options?: unknown };
  const searched = /\bsearch_path=([^\s,]+)/.exec(String(settings))?.[1];
  return JSON.stringify(["postgres", localName(host), port, database, schema ?? searched]);
}

/** A client that never connects. It shows how pg reads the options. */
function modelOf(options: object) {
  try {
    return new (loadDriver().Client)(options);
  } catch (error) {
    // A pool would only fail when it connects, and notifications would wait indefinitely.
    if (bareError(error).code === "ERR_INVALID_URL") throw unfitUrl();
    return undefined;
  }
}
