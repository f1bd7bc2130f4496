import type { Cluster, ClusterOptions, RedisOptions } from "ioredis";

import { refuseWrongPlace, renamed, type PlaceOptions } from "./connection-checks.js";
import { RETRY_INTERVAL } from "./driver.js";

const PLACE: PlaceOptions = {
  where: ["url", "host", "port", "path", "sentinels", "name"],
  misplaced: {
    uri: "url",
    prefix: "queueName, which keeps applications apart",
    ...renamed(["hostname", "server", "address", "endpoint", "ip"], "host"),
    ...renamed(["socket", "redis"], "host and port beside the other options"),
    ...renamed(
      [
        "cluster",
        "clusterRetryStrategy",
        "hosts",
        "nodes",
        "redisOptions",
        "rootNodes",
        "scaleReads",
        "startupNodes",
      ],
      "a client: new Cluster(nodes, options)",
    ),
  },
};

/**
 * Refuses connection options that would reach a Redis other than the intended one.
 *
 * @throws TypeError that says what to write instead
 */
export function refuseMisplacedOptions(options: object): void {
  refuseWrongPlace(options, PLACE);
  // A port is not enough: it may stand beside a misspelt host.
  if (!["url", "host", "path", "sentinels"].some((name) => name in options)) {
    throw new TypeError("connection must say where Redis is, as in { host: '127.0.0.1' }");
  }
  const { url, port, db } = options as { url?: unknown; port?: unknown; db?: unknown };
  if (url !== undefined) refuseUnfitUrl(url);
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new TypeError("connection.port must be a number from 1 to 65535");
  }
  if (db !== undefined && !isDatabase(db)) {
    throw new TypeError("connection.db must be a whole number, 0 or more");
  }
}

function refuseUnfitUrl(url: unknown) {
  const read = typeof url === "string" && /^rediss?:\/\/[^#]*$/.test(url) && parseUrl(url);
  if (!read || !read.hostname) {
    throw new TypeError(
      "connection.url must be a string that starts with redis:// or rediss:// and has a host; " +
        "percent-encode its password",
    );
  }
  if (!/^\/?\d*$/.test(read.pathname) || !isDatabase(read.searchParams.get("db") ?? 0)) {
    throw new TypeError("connection.url must end in the number of a database, such as /2");
  }
}

function parseUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

/**
 * Whether `db` is a whole number. Redis's refusal of anything else would be an unhandled rejection,
 * which ends the process.
 */
function isDatabase(db: unknown): boolean {
  return /^\d+$/.test(String(db));
}

/**
 * Refuses options of a client that the inbox cannot correct.
 *
 * @throws TypeError that says what to write instead
 */
export function refuseUnfitOptions({ keyPrefix, role }: RedisOptions): void {
  if (keyPrefix) {
    throw new TypeError(
      "connection must not have keyPrefix, with which BullMQ does not work; " +
        "tell applications apart by queueName",
    );
  }
  if (role === "slave") {
    throw new TypeError("connection must not have role: 'slave'; only a master can store");
  }
}

type DuplicateOptions = NonNullable<Parameters<Cluster["duplicate"]>[1]>;

// An outage may last any length of time, and BullMQ does not replace a client that gives up.
const retryStrategy = () => RETRY_INTERVAL;

/**
 * Options that the inbox needs in a client, whatever the user's are. Only the user's
 * `reconnectOnError` is still called.
 */
export function fitOptions({ reconnectOnError }: RedisOptions): RedisOptions {
  return {
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    maxRetriesPerRequest: null,
    enableOfflineQueue: true,
    lazyConnect: false,
    // Otherwise commands would go out before Redis has refused the database.
    enableReadyCheck: true,
    // A worker waits for jobs in a command that takes up to 10 s. The inbox has its own deadlines.
    ...{ commandTimeout: undefined, socketTimeout: undefined, blockingTimeout: undefined },
    // Otherwise a worker would wait for the answer to a command that was lost with its connection.
    autoResendUnfulfilledCommands: true,
    // BullMQ reads replies as ioredis returns them by default.
    stringNumbers: false,
    replyMapping: "legacy",
    ...{ monitor: false, readOnly: false, enableAutoPipelining: false },
    reconnectOnError(error) {
      // ioredis itself handles NOSCRIPT. Reconnecting after it would never end.
      if (error.message.startsWith("NOSCRIPT")) return false;
      // A master that became a replica keeps its connections, but its name may now lead to the new
      // master.
      return (reconnectOnError?.(error) ?? false) || /\bREADONLY\b/.test(error.message);
    },
  };
}

/** The same for a Cluster. */
export function fitClusterOptions({ redisOptions = {} }: ClusterOptions): DuplicateOptions {
  const fit = fitOptions(redisOptions);
  return {
    clusterRetryStrategy: () => RETRY_INTERVAL,
    enableOfflineQueue: true,
    lazyConnect: false,
    scaleReads: "master",
    enableAutoPipelining: false,
    // A cluster has only one database.
    redisOptions: { ...redisOptions, ...fit, replyMapping: "legacy", db: 0 },
  };
}
