import { inboxError, TelesignCallbackError } from "../errors.js";
import { checkReference } from "../inbox/durable/dead-letter.js";
import type {
  DeadLetter,
  DeadLettersOptions,
  DurableInbox,
} from "../inbox/durable/durable-inbox.js";
import { referenceKey } from "../inbox/reference-key.js";
import { refuseUnknownAndUndefined, wholeNumber } from "../option-checks.js";
import type { Row, Statement } from "./database-thread.js";
import type { Database } from "./database.js";
import { mendingFailures } from "./notifications.js";
import type { StoredText } from "./stored-text.js";

type DeadLetters = Pick<DurableInbox, "deadLetters" | "redrive" | "discard">;

/**
 * Lists, redrives and discards dead letters.
 *
 * @param onRedriven is called when one is due again
 */
export function createDeadLetters(
  database: Database,
  storedText: StoredText,
  onRedriven: () => void,
): DeadLetters {
  async function deadLetters(options: Readonly<DeadLettersOptions> = {}) {
    refuseUnknownAndUndefined(options, ["limit"]);
    const limit = wholeNumber("limit", options.limit ?? 100);
    const rows = await run(mendingFailures(Date.now()), [
      `SELECT reference, stored, attempts, failed_at, error_name, error_code FROM notification
        WHERE failed_at IS NOT NULL ORDER BY failed_at, id LIMIT ?`,
      limit,
    ]);
    return rows.map((row) => deadLetterOf(row, storedText));
  }

  async function redrive(reference: string): Promise<boolean> {
    const isRedriven = await change(
      `UPDATE notification
        SET attempts = 0, due = 0, failed_at = NULL, error_name = NULL, error_code = NULL`,
      reference,
    );
    if (isRedriven) onRedriven();
    return isRedriven;
  }

  async function discard(reference: string): Promise<boolean> {
    return change("DELETE FROM notification", reference);
  }

  /** Changes all dead letters of a reference, or of the key by which unreadable ones are listed. */
  async function change(sql: string, reference: string): Promise<boolean> {
    checkReference(reference);
    const which = "WHERE failed_at IS NOT NULL AND reference IN (?, ?) RETURNING 1";
    const keys = [referenceKey(reference), reference];
    return (await run([`${sql} ${which}`, ...keys])).length > 0;
  }

  async function run(...statements: Statement[]): Promise<readonly Row[]> {
    try {
      return (await database.run(statements)).flat();
    } catch (cause) {
      if (cause instanceof TelesignCallbackError) throw cause;
      throw inboxError("the inbox's database failed", cause);
    }
  }

  return { deadLetters, redrive, discard };
}

function deadLetterOf(row: Row, storedText: StoredText): DeadLetter {
  const count = Number(row.attempts);
  const attempts = Number.isSafeInteger(count) && count > 0 ? count : 0;
  const read = storedText.read(String(row.stored), attempts);
  const message = "message" in read ? read.message : undefined;
  return {
    message,
    reference: message?.mo_reference_id ?? String(row.reference),
    attempts,
    failedAt: new Date(Number(row.failed_at)),
    error: {
      name: String(row.error_name ?? "Error"),
      ...(row.error_code !== null && { code: String(row.error_code) }),
    },
  };
}
