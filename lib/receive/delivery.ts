import type { MessageNotification } from "./notification.js";

/** What is known of one arrival of a notification. */
export interface Delivery {
  /** When it arrived here. */
  readonly receivedAt: Date;
  /** `submit_timestamp` to the millisecond, as UTC where it names no zone; undefined if unreadable. */
  readonly submittedAt: Date | undefined;
  /** Which hand-over to the listeners this is, from 1. */
  readonly attempt: number;
}

/** The delivery of a notification that arrives now. */
export function deliveryOf(message: MessageNotification): Delivery {
  return Object.freeze({
    receivedAt: new Date(),
    submittedAt: parseTimestamp(message.submit_timestamp),
    attempt: 1,
  });
}

const TIMESTAMP =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:[.,](\d+))?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?$/;

/** Whether a text is an ISO 8601 date and time, of a day that exists. */
export function isTimestamp(text: string): boolean {
  // Every month has 28 days. Date knows the rest, but to ask it each time was 5 % of the CPU time of a
  // callback ahead of an app.
  return (
    TIMESTAMP.test(text) && (Number(text.slice(8, 10)) <= 28 || parseTimestamp(text) !== undefined)
  );
}

/**
 * Reads an ISO 8601 date and time, to the millisecond; undefined for anything else, impossible dates
 * included. Without a zone it is UTC, as TeleSign's Transaction Callback Service page says, where
 * `new Date(text)` would take the server's own.
 */
function parseTimestamp(text: unknown): Date | undefined {
  const match = typeof text === "string" ? TIMESTAMP.exec(text) : null;
  if (!match) return undefined;
  const [, date, day, time, fraction = "0", sign, hours, minutes = 0] = match;
  const local = new Date(`${date}T${time}.${fraction}Z`);
  // Date reads 30 February as 2 March.
  if (Number(day) > 28 && local.getUTCDate() !== Number(day)) return undefined;
  if (sign === undefined) return local;
  const offset = Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return new Date(local.getTime() - offset);
}
