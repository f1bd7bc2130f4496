import { bareError, inboxError } from "../../errors.js";

/** If an engine that came back fails again within this time, in ms, it is the same outage. */
const RELAPSE = 5_000;
/** Errors and outages of one kind are reported once until none has come for this long, in ms. */
const QUIET = 60_000;

const OUTAGE =
  "the inbox's engine cannot store notifications; they wait in this process until it can";
const AT_ONCE = "until that is repaired, listeners of this process get notifications at once";
const TROUBLE = "the inbox's engine reported an error but is still reachable";

/** Reports an engine's errors, but not their repetitions. */
export interface TroubleReports {
  /** An outage begins. `misconfiguration` describes one that will not end by itself. */
  outage(cause: unknown, misconfiguration: string | undefined): void;
  /** The engine turns out to be misconfigured during an outage. */
  misconfigured(cause: unknown, misconfiguration: string): void;
  /** The outage is over. */
  recovered(): void;
  /** The engine reported an error, but is not down. */
  trouble(cause: unknown): void;
}

/** How {@link TroubleReports} are made. */
export interface TroubleReportsOptions {
  readonly report: (error: Error) => void;
  /** Time after an outage, in ms, in which errors of an engine that is up count as part of it. */
  readonly aftermath: number;
  readonly describeCause: (cause: unknown) => string | undefined;
}

export function createTroubleReports(options: TroubleReportsOptions): TroubleReports {
  const { report, aftermath, describeCause } = options;
  const lastSeen = new Map<string, number>();
  let lastEnd = -Infinity;
  let lastCause: unknown;

  function outage(cause: unknown, misconfiguration: string | undefined) {
    lastCause = cause;
    const isKnown = isGoingOn(cause) || performance.now() < lastEnd + RELAPSE;
    if (misconfiguration !== undefined) misconfigured(cause, misconfiguration);
    else if (!isKnown) report(inboxError(withDescription(OUTAGE, cause), cause));
  }

  function misconfigured(cause: unknown, misconfiguration: string) {
    report(inboxError(`${misconfiguration}; ${AT_ONCE}`, cause));
  }

  function recovered() {
    lastEnd = performance.now();
    lastSeen.set(kindOf(lastCause), lastEnd);
  }

  function trouble(cause: unknown) {
    if (performance.now() < lastEnd + aftermath || isGoingOn(cause)) return;
    report(inboxError(withDescription(TROUBLE, cause), cause));
  }

  function isGoingOn(cause: unknown): boolean {
    const kind = kindOf(cause);
    const now = performance.now();
    const last = lastSeen.get(kind) ?? -Infinity;
    lastSeen.set(kind, now);
    return now < last + QUIET;
  }

  function withDescription(text: string, cause: unknown): string {
    const description = describeCause(cause);
    return description === undefined ? text : `${text}: ${description}`;
  }

  return { outage, misconfigured, recovered, trouble };
}

function kindOf(cause: unknown): string {
  const { name, code } = bareError(cause);
  return `${name} ${code}`;
}
