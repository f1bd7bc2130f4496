const ISO_8601 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))[T ]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:[.,](\d+))?(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)?$/;

const DAY = 86_400_000;

/**
 * Parses an ISO 8601 date and time to the millisecond. Returns undefined for anything else,
 * impossible dates included. A time without a zone is UTC, as TeleSign's page "Transaction Callback
 * Service" says; `new Date(text)` would use the server's zone.
 */
export function parseTimestamp(text: unknown): Date | undefined {
  const match = typeof text === "string" ? ISO_8601.exec(text) : null;
  if (!match) return undefined;
  const [, date, day, minute, second, fraction = "0", sign, hours, minutes = 0] = match;
  const isLeap = second === "60";
  const local = new Date(`${date}T${minute}:${isLeap ? "59.999" : `${second}.${fraction}`}Z`);
  // Date turns 30 February into 2 March.
  if (local.getUTCDate() !== Number(day)) return undefined;
  const offset = sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000 : 0;
  // Date has no leap seconds: one counts as the first moment of the next day.
  const time = local.getTime() - offset + (isLeap ? 1 : 0);
  // Leap seconds are inserted before midnight UTC only (ITU-R TF.460).
  return isLeap && time % DAY !== 0 ? undefined : new Date(time);
}
