/** What is known about one arrival of a notification. */
export interface Delivery {
  /** When the whole body of the request had been read. */
  readonly receivedAt: Date;
  /** `submit_timestamp` to the millisecond, as UTC if it names no zone; undefined if unreadable. */
  readonly submittedAt: Date | undefined;
  /** Which hand-over to the listeners this is, counted from 1. */
  readonly attempt: number;
}

/** The delivery of a notification that arrives now. */
export function deliveryOf(submittedAt: Date | undefined): Delivery {
  return Object.freeze({ receivedAt: new Date(), submittedAt, attempt: 1 });
}
