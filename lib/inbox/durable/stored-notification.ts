import type { Delivery } from "../../receive/delivery.js";
import type { MessageNotification } from "../../receive/notification.js";

/**
 * What a queue holds of a notification. The version is for the day this shape changes: an old and a
 * new release share a queue during a deploy.
 */
export interface StoredNotification {
  readonly v: 1;
  /** As one JSON string, because PostgreSQL's `jsonb` refuses U+0000 and lone surrogates. */
  readonly notification: string;
  /** In milliseconds since 1970, as `submittedAt` is. */
  readonly receivedAt: number;
  readonly submittedAt?: number;
}

/**
 * The stored form of a notification.
 *
 * @throws RangeError if something unknown in it is nested too deep for JSON
 */
export function toStored(
  message: MessageNotification,
  { receivedAt, submittedAt }: Delivery,
): StoredNotification {
  const stored = {
    v: 1,
    notification: JSON.stringify(message),
    receivedAt: receivedAt.getTime(),
  } as const;
  return submittedAt ? { ...stored, submittedAt: submittedAt.getTime() } : stored;
}

/** A notification as it was accepted; undefined where a newer release stored it, in a form of its own. */
export function fromStored(
  data: unknown,
  attempt: number,
): { message: MessageNotification; delivery: Delivery } | undefined {
  if (!isStored(data)) return undefined;
  const { notification, receivedAt, submittedAt } = data;
  const message = JSON.parse(notification) as MessageNotification;
  const delivery = {
    receivedAt: new Date(receivedAt),
    submittedAt: submittedAt === undefined ? undefined : new Date(submittedAt),
    attempt,
  };
  return { message: Object.freeze(message), delivery };
}

function isStored(data: unknown): data is StoredNotification {
  return typeof data === "object" && data !== null && "v" in data && data.v === 1;
}
