import type { MessageNotification } from "../receive/notification.js";
import {
  attempts,
  checkPersistence,
  TELESIGN_TIMEOUT,
  TELESIGN_WAITS,
} from "../testing/attempts.js";
import { checkHeaders, requestHeaders } from "../testing/request-headers.js";
import { checkCustomerId, CUSTOMER_ID } from "../testing/sign.js";
import { apiKeyIn, headersIn, numberIn, urlAmong } from "./arguments.js";
import type { Report } from "./report.js";
import type { Terminal } from "./terminal.js";

/** The flags of every command that sends. */
export const SENDER_FLAGS = {
  from: { type: "string", default: "15551234" },
  to: { type: "string", default: "15554567" },
  session: { type: "string" },
  header: { type: "string", multiple: true, default: [] as string[] },
  "customer-id": { type: "string", default: CUSTOMER_ID },
  waits: { type: "string", default: TELESIGN_WAITS.join(",") },
  timeout: { type: "string", default: String(TELESIGN_TIMEOUT) },
  "no-retries": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** The values of {@link SENDER_FLAGS} that say how to send. */
interface SenderValues {
  readonly header: readonly string[];
  readonly "customer-id": string;
  readonly waits: string;
  readonly timeout: string;
  readonly "no-retries": boolean;
}

/** Sends a message until it is answered with 200 or has no attempts left. Reports each attempt. */
export type Sender = (
  message: MessageNotification,
  report: Report,
  options: { readonly signal: AbortSignal; readonly isAnswerLost?: boolean },
) => Promise<void>;

/**
 * Makes a sender from the command line.
 *
 * @throws TypeError naming what is wrong
 */
export function createSender(
  positionals: readonly string[],
  values: SenderValues,
  env: Terminal["env"],
): Sender {
  const url = urlAmong(positionals);
  const { waits, timeout } = persistenceOf(values);
  const { signer, headers } = requestOf(values, env);

  return async function transmit(message, report, { signal, isAnswerLost = false }) {
    const { mo_reference_id: reference } = message;
    const body = Buffer.from(JSON.stringify(message));
    const sent = requestHeaders(body, signer, headers);
    const callback = { url, path: `${url.pathname}${url.search}`, headers: sent, body };
    const lostAnswers = isAnswerLost && waits.length > 0 ? 1 : 0;
    let status: number | undefined;
    let attempt = 0;
    report.begin();
    for await (const { result, detail } of attempts(callback, {
      waits,
      timeout,
      lostAnswers,
      signal,
    })) {
      status = result.status;
      const isLost = status === 200 && attempt < lostAnswers;
      const wait = status === 200 && !isLost ? undefined : waits[attempt];
      attempt += 1;
      report.attempted({ reference, attempt, ...result, detail, isLost, wait });
    }
    report.end(status === 200);
  };
}

function persistenceOf(values: SenderValues) {
  const waits = values.waits.split(",").map(numberIn);
  const persistence = checkPersistence(waits, numberIn(values.timeout), "--");
  return values["no-retries"] ? { ...persistence, waits: [] } : persistence;
}

function requestOf(values: SenderValues, env: Terminal["env"]) {
  const { header, "customer-id": customerId } = values;
  const apiKey = apiKeyIn(env);
  checkCustomerId("--customer-id", customerId);
  const headers = checkHeaders("--header", headersIn(header), apiKey);
  return { headers, signer: { apiKey, customerId } };
}
