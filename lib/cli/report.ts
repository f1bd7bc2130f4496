import type { Attempt } from "../testing/attempts.js";
import { paint, printable, writeJson, type Output, type Terminal } from "./terminal.js";

/** The result of one delivery attempt, with what the sender knows about it. */
export interface ReportedAttempt extends Attempt {
  /** What the answer says besides its status. */
  readonly detail: string | undefined;
  readonly reference: string;
  /** The number of this attempt to deliver the message, from 1. */
  readonly attempt: number;
  /** Whether the answer was 200 and is treated as lost, so that a retry follows. */
  readonly isLost: boolean;
  /** The wait until the next attempt, in milliseconds; undefined if there is none. */
  readonly wait: number | undefined;
}

/** Shows the messages that are sent, and counts them. */
export interface Report {
  /** Shows a line, except in JSON. */
  say(text: string): void;
  /** Counts a message whose first attempt begins. */
  begin(): void;
  /** Shows an attempt that has ended. */
  attempted(ended: ReportedAttempt): void;
  /** Counts a message that was delivered, or that gets no further attempt. */
  end(isDelivered: boolean): void;
  /** Shows the summary. Returns the exit status, which is 0 only if every message got a 200. */
  close(): number;
}

/** Options of {@link createReport}. */
export interface ReportOptions {
  readonly isJson: boolean;
  /** How many messages will be sent. */
  readonly total: number;
  /** Whether a terminal shows a progress bar, and lines for failures only. */
  readonly hasBar: boolean;
}

/** How many messages were sent, and what became of them. */
interface Counts {
  readonly sent: number;
  readonly delivered: number;
  readonly retries: number;
  readonly failed: number;
}

const ERASE_LINE = "\r\u001b[K";

/** Makes the report of one run of a command. */
export function createReport(terminal: Terminal, options: ReportOptions): Report {
  const { out, interrupted } = terminal;
  const { isJson, total } = options;
  const hasBar = options.hasBar && !isJson && out.isTTY === true;
  const counts = { sent: 0, delivered: 0, retries: 0, failed: 0 };
  const bar = () => progressBar(counts, total, out.columns);

  return {
    say,
    begin: () => void (counts.sent += 1),
    attempted(ended) {
      if (ended.attempt > 1) counts.retries += 1;
      if (isJson) writeJson(terminal, { event: "attempt", ...ended });
      else if (!hasBar || ended.status !== 200) say(describeAttempt(out, ended));
    },
    end(isDelivered) {
      counts[isDelivered ? "delivered" : "failed"] += 1;
      if (hasBar) out.write(`${ERASE_LINE}${bar()}`);
    },
    close() {
      if (isJson) writeJson(terminal, { event: "summary", ...counts });
      else out.write(`${hasBar ? ERASE_LINE : ""}${summary(counts)}\n`);
      if (counts.delivered === total) return 0;
      return interrupted.aborted ? 130 : 1;
    },
  };

  function say(text: string) {
    if (isJson) return;
    out.write(hasBar ? `${ERASE_LINE}${text}\n${bar()}` : `${text}\n`);
  }
}

function describeAttempt(out: Output, attempted: ReportedAttempt): string {
  const { reference, attempt, status, error, detail, ms, isLost, wait } = attempted;
  const id = paint(out, "grey", printable(reference));
  const answer = paint(out, status === 200 ? "green" : "red", String(status ?? error));
  const said = detail === undefined ? "" : ` (${printable(detail)})`;
  const lost = isLost ? paint(out, "yellow", ", answer treated as lost") : "";
  const next = wait === undefined ? "" : paint(out, "grey", `, next attempt in ${wait} ms`);
  return `${id}  delivery attempt ${attempt}  ${answer}${said} in ${ms} ms${lost}${next}`;
}

const BAR_WIDTH = 24;
/** The width of a terminal that does not report one. */
const COLUMNS = 80;

function progressBar(counts: Counts, total: number, columns = 0): string {
  const { delivered, retries, failed } = counts;
  const ended = delivered + failed;
  const figures = `] ${ended}/${total}, retries: ${retries}, failed: ${failed}`;
  // A line that fills the last column may wrap, and only part of a wrapped line would be erased.
  const room = (columns > 0 ? columns : COLUMNS) - 1;
  const width = Math.max(0, Math.min(BAR_WIDTH, room - figures.length - 1));
  const bar = "#".repeat(Math.floor((ended / total) * width)).padEnd(width);
  return `[${bar}${figures}`.slice(0, room);
}

function summary({ sent, delivered, retries, failed }: Counts): string {
  return `sent: ${sent}, answered 200: ${delivered}, retries: ${retries}, failed: ${failed}`;
}
