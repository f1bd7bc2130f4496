import type { DeadLetter } from "../inbox/durable/durable-inbox.js";
import type { Row, Statement, Value } from "./database-thread.js";

/** A notification that this process has claimed, to hand it over. */
export interface Claimed {
  readonly id: Value;
  /** The key under which its reference is remembered. */
  readonly reference: string;
  readonly stored: string;
  /** Which hand-over this is, from 1; anything if the row is damaged. */
  readonly attempt: number;
}

/** Remembers a reference and stores its notification, unless the reference is known already. */
export function storing(
  { reference, text }: { readonly reference: string; readonly text: string },
  { now, expires }: { readonly now: number; readonly expires: number },
): Statement[] {
  return [
    [
      `INSERT INTO reference (key, expires) VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET expires = excluded.expires WHERE expires <= ?
        RETURNING 1 AS isNew`,
      reference,
      expires,
      now,
    ],
    [
      "INSERT INTO notification (reference, stored) SELECT ?, ? WHERE changes() = 1",
      reference,
      text,
    ],
  ];
}

/** No notification has this key. See `referenceKey`. */
const CHECK_KEY = "?";
/** More than one page, so that SQLite must find room for it in the file. */
const CHECK_TEXT = "x".repeat(8_192);

/** Checks that storing works: stores a made-up notification and deletes it, in one transaction. */
export function checking(): Statement[] {
  return [
    ...storing({ reference: CHECK_KEY, text: CHECK_TEXT }, { now: 0, expires: 0 }),
    ["DELETE FROM notification WHERE id = last_insert_rowid() AND reference = ?", CHECK_KEY],
    ["DELETE FROM reference WHERE key = ?", CHECK_KEY],
  ];
}

/** A process that hands over. */
export interface Claimant {
  /** The name under which it claims. */
  readonly claimant: string;
  /** How long, in ms, it may be silent before it counts as dead. */
  readonly lockDuration: number;
}

/** Claims at most `limit` of the notifications that are due, and says when the next one is due. */
export function claiming(
  { claimant, lockDuration }: Claimant,
  now: number,
  limit: number,
): Statement[] {
  return [
    // Without this row, other processes would take the claims for those of a dead process.
    [
      "INSERT INTO claimant (id, beats, lock_duration) VALUES (?, 0, ?) ON CONFLICT DO NOTHING",
      claimant,
      lockDuration,
    ],
    [
      `UPDATE notification SET claimant = ?, attempts = attempts + 1
        WHERE id IN (
          SELECT id FROM notification WHERE claimant IS NULL AND failed_at IS NULL AND due <= ?
          ORDER BY due, id LIMIT ?
        )
        RETURNING id, reference, stored, attempts`,
      claimant,
      now,
      limit,
    ],
    ["SELECT min(due) AS due FROM notification WHERE claimant IS NULL AND failed_at IS NULL"],
  ];
}

/** Reads what {@link claiming} returned. */
export function claimedIn(results: readonly Row[][]): { claimed: Claimed[]; nextDue: number } {
  const rows = results.flat();
  const next = rows.find((row) => "due" in row);
  const claims = rows.filter((row) => "id" in row);
  const claimed = claims.map(({ id, reference, stored, attempts }) => ({
    id: id!,
    reference: String(reference),
    stored: String(stored),
    attempt: Number(attempts),
  }));
  return { claimed, nextDue: Number(next?.due ?? Infinity) };
}

/** The claim of one process on one notification. */
export interface Claim {
  readonly id: Value;
  readonly claimant: string;
}

/** Every listener has finished: the text is deleted. */
export function finishing({ id, claimant }: Claim): Statement {
  return ["DELETE FROM notification WHERE id = ? AND claimant = ?", id, claimant];
}

/** A listener failed: the notification is due again later. */
export function retrying({ id, claimant }: Claim, due: number): Statement {
  return [
    "UPDATE notification SET claimant = NULL, due = ? WHERE id = ? AND claimant = ?",
    due,
    id,
    claimant,
  ];
}

/** No listener was asked: the attempt does not count. */
export function returning({ id, claimant }: Claim, due: number): Statement {
  return [
    `UPDATE notification SET claimant = NULL, due = ?, attempts = attempts - 1
      WHERE id = ? AND claimant = ?`,
    due,
    id,
    claimant,
  ];
}

/** The notification becomes a dead letter. */
export function burying(
  { id, claimant }: Claim,
  dead: {
    readonly attempts: number;
    readonly failedAt: number;
    readonly error: DeadLetter["error"];
  },
): Statement {
  return [
    `UPDATE notification SET claimant = NULL, attempts = ?, failed_at = ?,
        error_name = ?, error_code = ?
      WHERE id = ? AND claimant = ?`,
    dead.attempts,
    dead.failedAt,
    dead.error.name,
    dead.error.code ?? null,
    id,
    claimant,
  ];
}

/** Sets impossible times of failure to now: the clock has jumped back, or a row is damaged. */
export function mendingFailures(now: number): Statement {
  return ["UPDATE notification SET failed_at = ? WHERE failed_at > ? OR failed_at < 0", now, now];
}

/** Gives up a process's claims, except on the notifications `held` in its memory. */
export function givingUp(claimant: string, held: Iterable<Value>): Statement {
  return [
    `UPDATE notification SET claimant = NULL
      WHERE claimant = ? AND id NOT IN (SELECT value FROM json_each(?))`,
    claimant,
    `[${[...held].join()}]`,
  ];
}

/** Ends the claims of processes that no longer exist. */
export const RELEASE_ABANDONED: Statement = [
  `UPDATE notification SET claimant = NULL
    WHERE claimant IS NOT NULL AND claimant NOT IN (SELECT id FROM claimant)`,
];
