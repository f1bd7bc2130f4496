import { after } from "../clock.js";
import type { AttemptResult } from "./attempt.js";
import { createClaimLoop } from "./claim-loop.js";
import type { Claims } from "./claims.js";
import type { Statement } from "./database-thread.js";
import type { Database } from "./database.js";
import type { Claimed } from "./notifications.js";

/** Delay, in ms, before another attempt to store a result. */
const RECORD_INTERVAL = 500;

/** Hands notifications over in this process. */
export interface Consumer {
  /** Looks for notifications that are due. */
  pull(): void;
  /** Claims nothing until `revive`. Call it when the database is known to be down. */
  rest(): void;
  /** Claims again. Call it when the database is known to answer. */
  revive(): void;
  /**
   * Starts no more hand-overs. Resolves when those under way have settled, and each result is
   * stored or, if it cannot be stored while the inbox closes, given up.
   */
  stop(): Promise<void>;
}

/** What a consumer needs. */
export interface ConsumerOptions {
  readonly database: Database;
  readonly claims: Claims;
  readonly concurrency: number;
  readonly attempt: (claimed: Claimed) => Promise<AttemptResult>;
  readonly report: (error: Error) => void;
  readonly onTrouble: (error: unknown) => void;
  /** Whether to give up on a result that cannot be stored now. */
  readonly isClosing: () => boolean;
}

/** Starts handing over at once. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { database, claims, concurrency, attempt, report, onTrouble } = options;
  const handOvers = new Set<Promise<void>>();
  const record = createRecorder(options);
  let isStopped = false;
  let running = 0;
  let stopped: Promise<void> | undefined;

  const loop = createClaimLoop({
    database,
    claims,
    free: () => concurrency - running,
    onClaimed: begin,
    onTrouble,
  });

  function begin(claimed: Claimed) {
    claims.held.add(claimed.id);
    running += 1;
    const handOver = complete(claimed).finally(() => handOvers.delete(handOver));
    handOvers.add(handOver);
  }

  async function complete(claimed: Claimed) {
    const { statement, error } = await attempt(claimed);
    running -= 1;
    const recorded = record(statement);
    loop.pull();
    if ((await recorded) && error) report(error);
    claims.held.delete(claimed.id);
  }

  function revive() {
    if (!isStopped) loop.resume();
  }

  async function stop() {
    isStopped = true;
    await loop.pause();
    await Promise.all(handOvers);
  }

  loop.pull();
  return {
    pull: loop.pull,
    rest: () => void loop.pause(),
    revive,
    stop: () => (stopped ??= stop()),
  };
}

/** Makes the function that stores a result. It resolves to false if the inbox closes first. */
function createRecorder({ database, onTrouble, isClosing }: ConsumerOptions) {
  return async function record(statement: Statement): Promise<boolean> {
    // Try until the result is stored: without it, the hand-over would be repeated.
    for (;;) {
      try {
        await database.run([statement]);
        return true;
      } catch (error) {
        onTrouble(error);
        if (isClosing()) return false;
        await new Promise<void>((resolve) => after(RECORD_INTERVAL, resolve));
      }
    }
  };
}
