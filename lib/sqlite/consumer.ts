import { after } from "../clock.js";
import type { AttemptResult } from "./attempt.js";
import type { Claims } from "./claims.js";
import type { Statement } from "./database-thread.js";
import type { Database } from "./database.js";
import { claimedIn, claiming, type Claimed } from "./notifications.js";

/** How often, in ms, to look for what other processes have accepted. */
const POLL_INTERVAL = 1_000;
/** Delay, in ms, until a result that could not be stored is stored again. */
const RECORD_INTERVAL = 500;

/** Hands notifications over in this process. */
export interface Consumer {
  /** Looks for notifications that are due. */
  pull(): void;
  /** To be called when the database is known to be down. */
  rest(): void;
  /** To be called when the database is known to answer. */
  revive(): void;
  /** Starts no more hand-overs. Resolves when those under way have settled and their results are stored. */
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
  /** Whether a result that cannot be stored now need not be tried again. */
  readonly isClosing: () => boolean;
}

/** Starts handing over at once. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { database, claims, concurrency, attempt, report, onTrouble } = options;
  const { held } = claims;
  const handOvers = new Set<Promise<void>>();
  let isResting = false;
  let isStopped = false;
  let running = 0;
  let asking = Promise.resolve();
  let isAsking = false;
  let isWanted = false;
  let cancelPoll = () => {};
  let stopped: Promise<void> | undefined;

  const isConsuming = () => !isResting && !isStopped;

  function pull() {
    if (!isConsuming()) return;
    isWanted = true;
    if (!isAsking) asking = askWhileWanted();
  }

  async function askWhileWanted() {
    isAsking = true;
    while (isWanted && isConsuming()) await ask();
    isAsking = false;
  }

  async function ask() {
    cancelPoll();
    let wait = POLL_INTERVAL;
    try {
      const { claimed, nextDue } = claimedIn(await database.runLast(claim));
      for (const each of claimed) begin(each);
      // With all hands full, the first that is free looks again.
      if (running < concurrency) wait = Math.min(wait, Math.max(nextDue - Date.now(), 0));
    } catch (error) {
      isWanted = false;
      onTrouble(error);
    }
    if (isConsuming()) cancelPoll = after(wait, pull);
  }

  /** Called when the transaction begins, which is when the number of free hands is known. */
  function claim(): Statement[] {
    isWanted = false;
    const free = isConsuming() ? concurrency - running : 0;
    return free > 0 ? claiming(claims, Date.now(), free) : [];
  }

  function begin(claimed: Claimed) {
    held.add(claimed.id);
    running += 1;
    const handOver = complete(claimed).finally(() => handOvers.delete(handOver));
    handOvers.add(handOver);
  }

  async function complete(claimed: Claimed) {
    const { statement, error } = await attempt(claimed);
    running -= 1;
    const recorded = record(statement);
    pull();
    if ((await recorded) && error) report(error);
    held.delete(claimed.id);
  }

  /** A result that is not stored would be a hand-over too many. */
  async function record(statement: Statement): Promise<boolean> {
    for (;;) {
      try {
        await database.run([statement]);
        return true;
      } catch (error) {
        onTrouble(error);
        if (options.isClosing()) return false;
        await new Promise<void>((resolve) => after(RECORD_INTERVAL, resolve));
      }
    }
  }

  function rest() {
    isResting = true;
    cancelPoll();
  }

  function revive() {
    isResting = false;
    pull();
  }

  async function stop() {
    isStopped = true;
    cancelPoll();
    await asking;
    await Promise.all(handOvers);
  }

  pull();
  return { pull, rest, revive, stop: () => (stopped ??= stop()) };
}
