import { setTimeout as sleep } from "node:timers/promises";

import { attempts, LONGEST_WAIT, TELESIGN_TIMEOUT, TELESIGN_WAITS } from "../testing/attempts.js";
import { CUSTOMER_ID, CUSTOMER_ID_RULE, isCustomerId } from "../testing/customer-id.js";
import type { MessageNotification } from "../receive/notification.js";
import { sign } from "../testing/testing.js";
import { apiKeyIn, urlAmong, wholeNumberOf } from "./arguments.js";
import type { Report } from "./report.js";
import type { Terminal } from "./terminal.js";

/** The flags of every command that sends. */
export const SENDER_FLAGS = {
  from: { type: "string", default: "15551234" },
  to: { type: "string", default: "15554567" },
  session: { type: "string" },
  "customer-id": { type: "string", default: CUSTOMER_ID },
  waits: { type: "string", default: TELESIGN_WAITS.join(",") },
  timeout: { type: "string", default: String(TELESIGN_TIMEOUT) },
  "no-retries": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** The values of {@link SENDER_FLAGS} that say how to send. */
interface SenderValues {
  readonly "customer-id": string;
  readonly waits: string;
  readonly timeout: string;
  readonly "no-retries": boolean;
}

/** Sends a message until it is answered 200 or the attempts are used up, and reports each attempt. */
export type Sender = (
  message: MessageNotification,
  report: Report,
  options: { readonly signal: AbortSignal; readonly isAnswerLost?: boolean },
) => Promise<void>;

/**
 * Makes a sender out of what the command line says.
 *
 * @throws TypeError naming what is wrong
 */
export function createSender(
  positionals: readonly string[],
  values: SenderValues,
  env: Terminal["env"],
): Sender {
  const url = urlAmong(positionals);
  const timeout = wholeNumberOf("--timeout", values.timeout, [1, LONGEST_WAIT]);
  const given = values.waits
    .split(",")
    .map((wait) => wholeNumberOf("--waits", wait, [0, LONGEST_WAIT]));
  const waits = values["no-retries"] ? [] : given;
  const signatureOver = createSigner(apiKeyIn(env), values["customer-id"]);

  return async function transmit(message, report, { signal, isAnswerLost = false }) {
    const { mo_reference_id: reference } = message;
    const body = Buffer.from(JSON.stringify(message));
    const callback = { url, body, signature: signatureOver(body) };
    const lostAnswers = isAnswerLost && waits.length > 0 ? 1 : 0;
    let status: number | undefined;
    let attempt = 0;
    report.begin();
    for await (const ended of attempts(callback, { waits, timeout, lostAnswers, signal })) {
      status = ended.status;
      const isLost = status === 200 && attempt < lostAnswers;
      const wait = status === 200 && !isLost ? undefined : waits[attempt];
      attempt += 1;
      report.attempted({ reference, attempt, ...ended, isLost, wait });
    }
    report.end(status === 200);
  };
}

function createSigner(apiKey: string | undefined, customerId: string) {
  if (!isCustomerId(customerId)) throw new TypeError(`--customer-id ${CUSTOMER_ID_RULE}`);
  return (body: Buffer) => (apiKey === undefined ? {} : sign(body, { apiKey, customerId }));
}

/** Waits, or less if it is interrupted. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
