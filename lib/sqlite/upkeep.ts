import { clearTimeout, setTimeout } from "../clock.js";
import { DEAD_LETTER_AGE } from "../inbox/durable/dead-letter.js";
import type { Statement } from "./database-thread.js";
import type { Database } from "./database.js";
import { mendingFailures } from "./notifications.js";

/** Delay between two runs of the upkeep, in ms. */
const INTERVAL = 60_000;
/** How many rows are deleted at a time. New notifications are stored in between. */
const STEP = 500;

/** Keeps the file small, until it is stopped. */
export interface Upkeep {
  stop(): void;
}

/** Works at once, and then once a minute. */
export function createUpkeep(database: Database): Upkeep {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function work() {
    try {
      await database.run([mendingFailures(Date.now())]);
      await deleteAll(expiredReferences);
      await deleteAll(oldDeadLetters);
      await database.checkpoint();
    } catch {
      // Tried again next time. If the database is down, other parts of the inbox report it.
    }
    // The timer must not keep the process alive.
    if (!isStopped) timer = setTimeout(() => void work(), INTERVAL).unref();
  }

  async function deleteAll(step: (now: number) => Statement) {
    let deleted = STEP;
    while (deleted === STEP && !isStopped) {
      const rows = await database.run([step(Date.now())]);
      deleted = rows.flat().length;
    }
  }

  void work();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

function expiredReferences(now: number): Statement {
  return [
    `DELETE FROM reference
      WHERE key IN (SELECT key FROM reference WHERE expires <= ? ORDER BY expires LIMIT ?)
      RETURNING 1`,
    now,
    STEP,
  ];
}

function oldDeadLetters(now: number): Statement {
  return [
    `DELETE FROM notification
      WHERE id IN (SELECT id FROM notification WHERE failed_at <= ? ORDER BY failed_at LIMIT ?)
      RETURNING 1`,
    now - DEAD_LETTER_AGE,
    STEP,
  ];
}
