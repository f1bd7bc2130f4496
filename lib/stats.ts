/** The counts of one callback in this process, since it was made. */
export interface CallbackStats {
  /** New notifications, even if the client hung up before its 200. */
  readonly accepted: number;
  /** Retries that were suppressed. */
  readonly duplicates: number;
  /** Requests that got a 4xx or 5xx, by status. */
  readonly rejected: Readonly<Record<number, number>>;
  /** Hand-overs in which every listener succeeded. */
  readonly delivered: number;
  /** Hand-overs in which a listener failed. */
  readonly failed: number;
  /** Notifications that became dead letters (`ERR_DEAD_LETTER`). */
  readonly deadLettered: number;
  /** `ERR_INBOX` errors. A durable inbox reports an outage once, however long it lasts. */
  readonly inboxErrors: number;
  /** Hand-overs under way now. */
  readonly running: number;
  /**
   * Notifications in this process's memory that no listener has been given yet: during an outage,
   * before the first listener, or until their answer has left. Notifications that a durable inbox
   * has stored are not counted.
   */
  readonly waiting: number;
  /** When the last new notification arrived. */
  readonly lastAcceptedAt: Date | undefined;
}

/** The counters of {@link CallbackStats}. */
export interface Counts {
  accepted: number;
  duplicates: number;
  readonly rejected: Record<number, number>;
  delivered: number;
  failed: number;
  deadLettered: number;
  inboxErrors: number;
  lastAcceptedAt: number | undefined;
}

/** Makes the counters, all at zero. */
export function createCounts(): Counts {
  return {
    accepted: 0,
    duplicates: 0,
    rejected: {},
    delivered: 0,
    failed: 0,
    deadLettered: 0,
    inboxErrors: 0,
    lastAcceptedAt: undefined,
  };
}

/** Makes a frozen copy of the counters, with what is under way now. */
export function snapshot(
  counts: Counts,
  now: { readonly running: number; readonly waiting: number },
): CallbackStats {
  const { lastAcceptedAt } = counts;
  return Object.freeze({
    ...counts,
    ...now,
    rejected: Object.freeze({ ...counts.rejected }),
    lastAcceptedAt: lastAcceptedAt === undefined ? undefined : new Date(lastAcceptedAt),
  });
}
