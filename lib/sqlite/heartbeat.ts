import { clearTimeout, setTimeout } from "../clock.js";
import type { Row, Statement, Value } from "./database-thread.js";
import type { Database } from "./database.js";
import { RELEASE_ABANDONED, type Claimant } from "./notifications.js";

/** Number of beats in a `lockDuration`. */
const BEATS = 4;
/** The longest time between two beats, in ms: less than the longest delay of a timer. */
const LONGEST_INTERVAL = 86_400_000;

/** Shows other processes that this one is alive, and frees what dead ones were handing over. */
export interface Heartbeat {
  /** Does nothing if it is beating already. */
  start(): void;
  /** Tells other processes that this one has left. Never rejects. */
  stop(): Promise<void>;
}

/** What a heartbeat needs. */
export interface HeartbeatOptions {
  readonly database: Database;
  readonly claimant: Claimant;
  /** The longest wait between two attempts, in ms. */
  readonly longestWait: number;
  readonly onTrouble: (error: unknown) => void;
}

/** What is known of another process that hands over. */
interface Other {
  readonly beats: Value;
  /** Time, in ms, since its beats last changed: a multiple of this process's own interval. */
  readonly silence: number;
  readonly lockDuration: number;
}

/**
 * Makes the heartbeat. It counts beats instead of comparing times, so that neither a clock that
 * jumps nor a machine that was suspended makes a living process look dead. If two processes differ
 * in `lockDuration`, the longer one counts.
 */
export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { database, longestWait, onTrouble } = options;
  const { claimant, lockDuration } = options.claimant;
  const interval = Math.min(Math.ceil(lockDuration / BEATS), LONGEST_INTERVAL);
  let others = new Map<string, Other>();
  /** The run of beats from one start to the next stop. */
  let current: object | undefined;
  let timer: NodeJS.Timeout | undefined;

  function start() {
    if (!current) void keepBeating((current = {}), 0);
  }

  /** @param elapsed time since the last beat of this run, in ms */
  async function keepBeating(run: object, elapsed: number) {
    try {
      await beat(elapsed);
    } catch (error) {
      onTrouble(error);
    }
    // A beat may outlast a stop and the next start, which has begun another run.
    if (run !== current) return;
    // The timer must not keep the process alive.
    timer = setTimeout(() => void keepBeating(run, interval), interval).unref();
  }

  async function beat(elapsed: number) {
    const due = mending(Date.now() + longestWait);
    const asked = [beating(options.claimant), due, listing(claimant)];
    const results = await database.run(asked);
    const dead = observe(results.flat(), elapsed);
    // Needed even if none is dead now: a process may have been declared dead while it was claiming.
    await database.run([...dead, RELEASE_ABANDONED]);
  }

  /** Statements that remove the processes that have missed their beats. */
  function observe(rows: readonly Row[], elapsed: number): Statement[] {
    const before = others;
    others = new Map();
    for (const row of rows) {
      const id = String(row.id);
      const beats = row.beats!;
      const last = before.get(id);
      const silence = last?.beats === beats ? last.silence + elapsed : 0;
      others.set(id, { beats, silence, lockDuration: Number(row.lock_duration) });
    }
    return [...others]
      .filter(([, other]) => other.silence >= Math.max(lockDuration, other.lockDuration))
      .map(([id, { beats }]) => removing(id, beats));
  }

  async function stop() {
    if (!current) return;
    current = undefined;
    clearTimeout(timer);
    await database.run([leaving(claimant), RELEASE_ABANDONED]).catch(() => {});
  }

  return { start, stop };
}

function beating({ claimant, lockDuration }: Claimant): Statement {
  return [
    `INSERT INTO claimant (id, beats, lock_duration) VALUES (?, 1, ?)
      ON CONFLICT DO UPDATE SET beats = beats + 1`,
    claimant,
    lockDuration,
  ];
}

/** Makes notifications due now if a clock that jumped back has left them due too far ahead. */
function mending(latest: number): Statement {
  return [
    `UPDATE notification SET due = 0
      WHERE claimant IS NULL AND failed_at IS NULL AND due > ?`,
    latest,
  ];
}

function listing(claimant: string): Statement {
  return ["SELECT id, beats, lock_duration FROM claimant WHERE id <> ?", claimant];
}

/** Removes a process, unless it has beaten since. */
function removing(id: string, beats: Value): Statement {
  return ["DELETE FROM claimant WHERE id = ? AND beats = ?", id, beats];
}

function leaving(claimant: string): Statement {
  return ["DELETE FROM claimant WHERE id = ?", claimant];
}
