import { PHONE_NUMBER, REFERENCE, type MessageNotification } from "./notification.js";

/**
 * Whether a notification is what `notificationSchema` accepts. This only saves time: without it,
 * `parse.ts` would give Joi every notification, whole, and Joi would say the same.
 *
 * @param submittedAt what `parseTimestamp` made of its `submit_timestamp`
 */
export function isPlainlyValid(
  sent: Partial<MessageNotification>,
  submittedAt: Date | undefined,
): sent is MessageNotification {
  return (
    submittedAt !== undefined &&
    typeof sent.mo_message === "string" &&
    matches(REFERENCE, sent.mo_reference_id) &&
    matches(REFERENCE, sent.session_reference_id) &&
    matches(PHONE_NUMBER, sent.from_phone_number) &&
    matches(PHONE_NUMBER, sent.to_phone_number)
  );
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === "string" && pattern.test(value);
}
