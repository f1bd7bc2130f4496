import type { ConnectionOptions } from "bullmq";
import type { Cluster, Redis, RedisOptions } from "ioredis";

import { bareError } from "../errors.js";
import { localName } from "./connection-checks.js";
import {
  fitClusterOptions,
  fitOptions,
  refuseMisplacedOptions,
  refuseUnfitOptions,
} from "./redis-options.js";

type Client = Redis | Cluster;

/** Makes the clients of one inbox. */
export interface ClientFactory {
  /** Opens a client with options that suit the inbox. */
  readonly open: () => Client;
  /** Names the server and the database on it. */
  readonly place: string;
}

/**
 * Makes clients from options, or with the options of the user's client. Undefined for a client of
 * another driver, which BullMQ takes as it is.
 *
 * @throws TypeError if the options cannot work
 * @throws Error if ioredis is needed and not installed
 */
export function clientFactory(
  given: ConnectionOptions,
  queueName: string,
): ClientFactory | undefined {
  if (typeof given.duplicate !== "function") return like(modelOf(given), queueName);
  return isIoredis(given) ? like(given, queueName) : undefined;
}

/** BullMQ's adapters for other drivers imitate ioredis, but have a `runCommand` as well. */
function isIoredis(client: object): client is Client {
  return "defineCommand" in client && "options" in client && !("runCommand" in client);
}

/** A client that never connects. It shows how ioredis reads the options and the URL. */
function modelOf(given: ConnectionOptions): Redis {
  refuseMisplacedOptions(given);
  const { url, ...options } = { ...given } as RedisOptions & { url?: string };
  const { Redis } = loadDriver();
  const settings = { ...options, replyMapping: "legacy", lazyConnect: true } as const;
  let refusal: Error;
  try {
    return url === undefined ? new Redis(settings) : new Redis(url, settings);
  } catch (error) {
    // The error's own text may repeat an option.
    refusal = bareError(error);
  }
  throw new TypeError("connection has options that ioredis refuses", { cause: refusal });
}

// Typed here and called below as in postgres-types.ts, for the same reasons.
declare function require(driver: "ioredis"): typeof import("ioredis");

/** BullMQ reports a missing driver late, when the first notifications are acknowledged already. */
function loadDriver() {
  try {
    return require("ioredis");
  } catch (cause) {
    throw new Error("the inbox needs ioredis for Redis; npm install ioredis", { cause });
  }
}

function like(model: Client, queueName: string): ClientFactory {
  return isCluster(model) ? likeCluster(model, queueName) : likeSingle(model);
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster;
}

function likeSingle(model: Redis): ClientFactory {
  const { options } = model;
  refuseUnfitOptions(options);
  const { host, port, path, sentinels, name, db } = options;
  const server = sentinels ? [sentinels, name] : (path ?? [localName(host), port]);
  return {
    open: () => model.duplicate(fitOptions(options)),
    place: JSON.stringify(["redis", server, db]),
  };
}

function likeCluster(model: Cluster, queueName: string): ClientFactory {
  const { options } = model;
  const { keyPrefix = options.redisOptions?.keyPrefix } = options;
  refuseUnfitOptions({ keyPrefix });
  // The first pair of braces decides a key's slot, and all keys of a queue must share a slot:
  // https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
  if (!/^[^{]*\{[^}]+\}/.test(queueName)) {
    throw new TypeError(
      "queueName must hold a hash tag on a Redis Cluster, as in '{telesign-callback}'",
    );
  }
  return {
    open: () => model.duplicate([], fitClusterOptions(options)),
    place: JSON.stringify(["redis", Reflect.get(model, "startupNodes")]),
  };
}
