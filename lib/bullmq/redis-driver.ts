import { randomUUID } from "node:crypto";

import { createRedisBackend, type ConnectionOptions, type RedisQueueBackend } from "bullmq";

import { bareError } from "../errors.js";
import type { Driver } from "./driver.js";
import { clientFactory } from "./redis-client.js";

type RedisDriver = Driver<RedisQueueBackend, ConnectionOptions>;

/**
 * BullMQ on Redis or Valkey. Every queue and worker gets its own ioredis client, unless the user
 * gave a client of another driver.
 *
 * @throws TypeError if the options cannot work
 * @throws Error if ioredis is needed and not installed
 */
export function redisDriver(given: ConnectionOptions, queueName: string): RedisDriver {
  const clients = clientFactory(given, queueName);
  const common = {
    backend: createRedisBackend,
    probeDelay: 0,
    prune: () => Promise.resolve(),
    discard,
    describeMisconfiguration: () => undefined,
    isUnstorable: () => false,
    describeCause,
  };
  if (!clients) {
    const open: RedisDriver["open"] = (make) => ({
      made: make(given),
      destroy: () => {},
      onEnd: () => {},
    });
    return { ...common, ownsConnections: false, place: placeOfForeign(given), open };
  }
  const open: RedisDriver["open"] = (make) => {
    const client = clients.open();
    let onEnd = () => {};
    // ioredis prints errors that nobody listens to, and BullMQ listens only for a while.
    client.on("error", (error) => {
      // Without this, ioredis would continue in the default database.
      if (isRefusedDatabase(error)) client.disconnect(true);
    });
    client.on("end", () => onEnd());
    // A Cluster's own sockets are out of reach.
    const letGo = () => {
      for (const name of ["stream", "reconnectTimeout"]) {
        (Object(Reflect.get(client, name)) as { unref?: () => void }).unref?.();
      }
    };
    return {
      made: make(client),
      destroy() {
        onEnd = () => {};
        client.disconnect();
      },
      unref() {
        letGo();
        client.on("ready", letGo).on("reconnecting", letGo);
      },
      onEnd: (listener) => void (onEnd = listener),
    };
  };
  return { ...common, ownsConnections: true, place: clients.place, open };
}

/** BullMQ's own way to remove a job does not say whether it was there, or whether it had failed. */
async function discard(backend: RedisQueueBackend, _queueName: string, jobId: string) {
  const client = await backend.client;
  client.defineCommand("discardDeadLetter", {
    numberOfKeys: 2,
    lua: `
      local found = redis.call("ZREM", KEYS[1], ARGV[1])
      if found == 1 then redis.call("DEL", KEYS[2]) end
      return found`,
  });
  const keys = [backend.toKey("failed"), backend.toKey(jobId)];
  return (await client.runCommand("discardDeadLetter", [...keys, jobId])) === 1;
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  WRONGPASS: "Redis refuses the username or the password",
  NOAUTH: "Redis asks for a password",
  NOPERM: "the Redis user lacks permission for a command that BullMQ needs",
  OOM: "Redis has used up its maxmemory",
  READONLY: "this Redis is a replica; connect to its master",
  CROSSSLOT: "this Redis is a cluster; connect with a Cluster and put braces around queueName",
  MOVED: "this Redis is a cluster; connect with a Cluster and put braces around queueName",
};

function describeCause(cause: unknown): string | undefined {
  if (isRefusedDatabase(cause)) {
    return "the database number in connection.db or the URL does not exist in Redis, or its user cannot select it";
  }
  return DESCRIPTIONS[String(bareError(cause).code)];
}

function isRefusedDatabase(error: unknown): boolean {
  const { name, command } = Object(error) as { name?: unknown; command?: { name?: unknown } };
  return name === "ReplyError" && command?.name === "select";
}

const foreignPlaces = new WeakMap<object, string>();

/** Other drivers' clients do not reveal where they connect, so each counts as its own place. */
function placeOfForeign(client: object): string {
  const place = foreignPlaces.get(client) ?? randomUUID();
  foreignPlaces.set(client, place);
  return place;
}
