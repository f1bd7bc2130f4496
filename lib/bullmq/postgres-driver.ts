import {
  DEFAULT_SCHEMA,
  type PgPool,
  type PostgresPoolConfig,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
} from "bullmq";

import type { Driver } from "./driver.js";
import type { PostgresInboxOptions } from "./inbox-options.js";
import {
  fitConfiguration,
  isPool,
  placeOf,
  refuseUnfitPool,
  type EmitterPool,
} from "./postgres-connection.js";
import { describeCause, describeMisconfiguration, isUnstorable } from "./postgres-errors.js";
import { createPoolSockets } from "./pool-sockets.js";

type PostgresDriver = Driver<PostgresQueueBackend, PostgresConnectionOptions>;

/**
 * BullMQ on PostgreSQL. Unless a pool is given, every queue and worker makes its own.
 *
 * @throws TypeError if the connection cannot work
 * @throws Error if pg is needed and not installed
 */
export function postgresDriver({ connection, backend }: PostgresInboxOptions): PostgresDriver {
  const common = {
    backend,
    describeMisconfiguration,
    describeCause,
    isUnstorable,
    probeDelay: 3_600_000,
    prune: ({ connection: { pool } }: PostgresQueueBackend, queueName: string) =>
      pool.query("DELETE FROM dedup WHERE queue = $1 AND expire_at_ms < $2", [
        queueName,
        Date.now(),
      ]),
    async discard({ connection: { pool } }: PostgresQueueBackend, queueName: string, id: string) {
      const text = "DELETE FROM job WHERE queue = $1 AND id = $2 AND state = 'failed' RETURNING id";
      return (await pool.query(text, [queueName, id])).rows.length > 0;
    },
  };
  if (isPool(connection)) {
    const pool = connection;
    refuseUnfitPool(pool);
    surviveCuts(pool);
    const place = placeOf({ ...pool.options }, undefined);
    return { ...common, ownsConnections: false, place, open: (make) => onPool(pool, make) };
  }
  const configuration = fitConfiguration(connection);
  const { schema = DEFAULT_SCHEMA } = configuration;
  const place = placeOf(configuration, schema);
  const open: PostgresDriver["open"] = (make) => onConfiguration(configuration, make);
  return { ...common, ownsConnections: true, place, open };
}

/**
 * A pool listens to a client's `error` only while the client is idle or runs a query of the pool's
 * own. If a connection were cut while BullMQ checks the schema with it, the process would end.
 */
function surviveCuts(pool: PgPool) {
  if (surviving.has(pool)) return;
  surviving.add(pool);
  pool.on("connect", (client) => client.on("error", () => {}));
}

// A user's pool may serve several inboxes, one after another.
const surviving = new WeakSet<PgPool>();

function onConfiguration<T extends { getBackend(): PostgresQueueBackend }>(
  configuration: object,
  make: (connection: PostgresPoolConfig) => T,
) {
  const { stream, ...ends } = createPoolSockets();
  const made = make({ stream, ...configuration });
  surviveCuts(made.getBackend().connection.pool);
  // A pool never ends by itself.
  return { made, ...ends, onEnd: () => {} };
}

/** BullMQ leaves a listener on a user's pool for each queue or worker. `destroy` removes it. */
function onPool<T>(pool: EmitterPool, make: (pool: PgPool) => T) {
  const added: ((error: Error) => void)[] = [];
  const note = (_: "error", listener: (error: Error) => void) => added.push(listener);
  pool.on("newListener", note);
  const made = make(pool);
  pool.off("newListener", note);
  const destroy = () => added.forEach((listener) => pool.off("error", listener));
  return { made, destroy, onEnd: () => {} };
}
