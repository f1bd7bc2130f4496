import type { MessageNotification } from "telesign-callback";

import documented from "../fixtures/documented.json";

/** The example on TeleSign's page "Number Masking API - Obtain Transaction Status Results". */
export { documented };

let count = 0;

/** The documented example with a new reference. */
export function fresh(overrides: Partial<MessageNotification> = {}): MessageNotification {
  count += 1;
  return { ...documented, mo_reference_id: `N${String(count).padStart(31, "0")}`, ...overrides };
}
