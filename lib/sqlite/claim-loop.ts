import { after } from "../clock.js";
import type { Claims } from "./claims.js";
import type { Statement } from "./database-thread.js";
import type { Database } from "./database.js";
import { claimedIn, claiming, type Claimed } from "./notifications.js";

/** Delay, in ms, between two checks for notifications that other processes have accepted. */
const POLL_INTERVAL = 1_000;

/** Claims notifications that are due, again and again. */
export interface ClaimLoop {
  /** Looks for notifications now. */
  readonly pull: () => void;
  /** Claims no more until it is resumed. Resolves when nothing is being claimed. */
  readonly pause: () => Promise<void>;
  readonly resume: () => void;
}

/** What a claim loop needs. */
export interface ClaimLoopOptions {
  readonly database: Database;
  readonly claims: Claims;
  /** How many more notifications can be handed over now. */
  readonly free: () => number;
  readonly onClaimed: (claimed: Claimed) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** Makes the loop. It starts with the first `pull`. */
export function createClaimLoop(options: ClaimLoopOptions): ClaimLoop {
  const { database, claims, free, onClaimed, onTrouble } = options;
  let isPaused = false;
  let isWanted = false;
  let isAsking = false;
  let asking = Promise.resolve();
  let cancelPoll = () => {};

  function pull() {
    if (isPaused) return;
    isWanted = true;
    if (!isAsking) asking = askWhileWanted();
  }

  async function askWhileWanted() {
    isAsking = true;
    while (isWanted && !isPaused) await ask();
    isAsking = false;
  }

  async function ask() {
    cancelPoll();
    let wait = POLL_INTERVAL;
    try {
      const { claimed, nextDue } = claimedIn(await database.runLast(claim));
      for (const each of claimed) onClaimed(each);
      // If none is free, the next hand-over that ends calls `pull`.
      if (free() > 0) wait = Math.min(wait, Math.max(nextDue - Date.now(), 0));
    } catch (error) {
      isWanted = false;
      onTrouble(error);
    }
    if (!isPaused) cancelPoll = after(wait, pull);
  }

  /** Called when the transaction begins, because `free` may change until then. */
  function claim(): Statement[] {
    isWanted = false;
    const limit = isPaused ? 0 : free();
    return limit > 0 ? claiming(claims, Date.now(), limit) : [];
  }

  function pause() {
    isPaused = true;
    cancelPoll();
    return asking;
  }

  function resume() {
    isPaused = false;
    pull();
  }

  return { pull, pause, resume };
}
