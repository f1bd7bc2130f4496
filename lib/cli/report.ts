import type { Attempt } from "../testing/attempts.js";
import { paint, writeJson, type Terminal } from "./terminal.js";

/** One attempt, with what the sender knows of it. */
export interface ReportedAttempt extends Attempt {
  readonly reference: string;
  /** Which attempt of this message, from 1. */
  readonly attempt: number;
  /** Whether its answer is taken for lost, although it was good. */
  readonly isLost: boolean;
  /** How long until the next attempt, in milliseconds; undefined if there is none. */
  readonly wait: number | undefined;
}

/** Shows what is being sent, and counts it. */
export interface Report {
  /** A line for people. */
  say(text: string): void;
  begin(): void;
  attempted(ended: ReportedAttempt): void;
  end(isDelivered: boolean): void;
  /** Writes the summary. Returns the exit status, 0 only if all messages ended in a 200. */
  close(): number;
}

/** What a report is about. */
export interface ReportOptions {
  readonly isJson: boolean;
  /** How many messages there are to send. */
  readonly total: number;
  /** Whether a terminal gets a bar, and single lines for failures only. */
  readonly hasBar: boolean;
}

const BAR_WIDTH = 24;
/** How wide a terminal is taken to be that does not say. */
const COLUMNS = 80;
const ERASE_LINE = "\r\u001b[K";

export function createReport(terminal: Terminal, options: ReportOptions): Report {
  const { out, interrupted } = terminal;
  const { isJson, total } = options;
  const hasBar = options.hasBar && !isJson && out.isTTY === true;
  const counts = { sent: 0, delivered: 0, retries: 0, failed: 0 };

  function say(text: string) {
    if (isJson) return;
    out.write(hasBar ? `${ERASE_LINE}${text}\n${progress()}` : `${text}\n`);
  }

  function begin() {
    counts.sent += 1;
  }

  function attempted(ended: ReportedAttempt) {
    if (ended.attempt > 1) counts.retries += 1;
    if (isJson) writeJson(terminal, { event: "attempt", ...ended });
    else if (!hasBar || ended.status !== 200) say(describe(ended));
  }

  function describe({ reference, attempt, status, error, ms, isLost, wait }: ReportedAttempt) {
    const answer = paint(out, status === 200 ? "green" : "red", String(status ?? error));
    const lost = isLost ? paint(out, "yellow", ", and the answer gets lost") : "";
    const next = wait === undefined ? "" : paint(out, "grey", `, next attempt in ${wait} ms`);
    return `${paint(out, "grey", reference)}  attempt ${attempt}  ${answer} in ${ms} ms${lost}${next}`;
  }

  function end(isDelivered: boolean) {
    counts[isDelivered ? "delivered" : "failed"] += 1;
    if (hasBar) out.write(`${ERASE_LINE}${progress()}`);
  }

  function progress() {
    const ended = counts.delivered + counts.failed;
    const { retries, failed } = counts;
    const figures = `] ${ended}/${total}, retries: ${retries}, failed: ${failed}`;
    // A line that wraps would not be erased whole, and one that fills the last column may wrap.
    const { columns = 0 } = out;
    const room = (columns > 0 ? columns : COLUMNS) - 1;
    const width = Math.max(0, Math.min(BAR_WIDTH, room - figures.length - 1));
    const bar = "#".repeat(Math.floor((ended / total) * width)).padEnd(width);
    return `[${bar}${figures}`.slice(0, room);
  }

  function summary() {
    const { sent, delivered, retries, failed } = counts;
    return `sent: ${sent}, answered 200: ${delivered}, retries: ${retries}, failed: ${failed}`;
  }

  function close() {
    if (isJson) writeJson(terminal, { event: "summary", ...counts });
    else out.write(`${hasBar ? ERASE_LINE : ""}${summary()}\n`);
    if (counts.delivered === total) return 0;
    return interrupted.aborted ? 130 : 1;
  }

  return { say, begin, attempted, end, close };
}
