/** TeleSign's documented placeholder. */
export const CUSTOMER_ID = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";

/** What a Customer ID must be, to stand behind its name in an error text. */
export const CUSTOMER_ID_RULE = "must be letters, digits and hyphens, as TeleSign shows it";

/** Whether it can stand in TeleSign's `Authorization` header. */
export function isCustomerId(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]+$/.test(value);
}
