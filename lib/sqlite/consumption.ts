import type { HandOver } from "../inbox/inbox.js";
import { createAttempt, longestWait } from "./attempt.js";
import type { Claims } from "./claims.js";
import { createConsumer, type Consumer } from "./consumer.js";
import type { Database } from "./database.js";
import { createHeartbeat } from "./heartbeat.js";
import type { Settings } from "./inbox-options.js";

/** Hands notifications over in this process, while it has a listener. */
export interface Consumption {
  /** Starts handing over. Returns the function that stops it. */
  readonly start: (handOver: HandOver) => () => Promise<void>;
  /** The hand-over to this process's listeners; undefined while there is none. */
  readonly handOver: () => HandOver | undefined;
  /** Looks for notifications that are due. */
  pull(): void;
  /** Hands over nothing more until `revive`. See {@link Consumer}. */
  readonly rest: () => void;
  /** Hands over again. */
  readonly revive: () => void;
  /** Resolves when every hand-over has settled and the heartbeat has stopped. */
  close(): Promise<void>;
}

/** What {@link createConsumption} needs. */
export interface ConsumptionOptions {
  readonly database: Database;
  readonly claims: Claims;
  readonly settings: Settings;
  readonly isDown: () => boolean;
  readonly onTrouble: (error: unknown) => void;
  readonly report: (error: Error) => void;
}

export function createConsumption(options: ConsumptionOptions): Consumption {
  const { database, claims, settings, isDown, onTrouble, report } = options;
  const { attempts, concurrency, storedText } = settings;
  const heartbeat = createHeartbeat({
    database,
    claimant: claims,
    longestWait: longestWait(attempts),
    onTrouble,
  });
  let active: { readonly consumer: Consumer; readonly handOver: HandOver } | undefined;
  /** The consumers that have not settled, the active one among them. */
  const unsettled = new Set<Consumer>();
  let isClosing = false;

  function start(handOver: HandOver): () => Promise<void> {
    const consumer = createConsumer({
      database,
      claims,
      concurrency,
      attempt: createAttempt({ claimant: claims.claimant, storedText, attempts, handOver }),
      report,
      onTrouble,
      isClosing: () => isClosing,
    });
    active = { consumer, handOver };
    unsettled.add(consumer);
    if (isDown()) consumer.rest();
    heartbeat.start();
    // Without this, a process that only consumes would exit.
    database.keepAlive(true);
    return () => stop(consumer);
  }

  async function stop(consumer: Consumer) {
    active = undefined;
    database.keepAlive(false);
    await consumer.stop();
    unsettled.delete(consumer);
    // Stopping the heartbeat sooner would free what another stopped consumer is still handing over.
    if (unsettled.size === 0) await heartbeat.stop();
  }

  async function close() {
    isClosing = true;
    // A listener that never settles must not keep the process alive.
    database.keepAlive(false);
    await Promise.all([...unsettled].map((consumer) => consumer.stop()));
    await heartbeat.stop();
  }

  return {
    start,
    handOver: () => active?.handOver,
    pull: () => active?.consumer.pull(),
    rest: () => active?.consumer.rest(),
    revive: () => active?.consumer.revive(),
    close,
  };
}
