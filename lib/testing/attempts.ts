import { request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { performance } from "node:perf_hooks";
import type { URL } from "node:url";

import { after, within } from "../clock.js";
import { milliseconds } from "../option-checks.js";
import type { FieldError } from "../receive/rejection.js";

/** The result of one delivery attempt. Only a `status` of 200 is a success. */
export interface Attempt {
  /** The HTTP status, if the whole answer arrived in time. */
  readonly status?: number;
  /** Why no whole answer came: the code of Node's error, such as `ECONNREFUSED`, or `ETIMEDOUT`. */
  readonly error?: string;
  /** The duration of the attempt, in milliseconds. */
  readonly ms: number;
}

/** An attempt that has ended. */
export interface EndedAttempt {
  readonly result: Attempt;
  /** What the answer says besides its status: `duplicate`, or why the callback was refused. */
  readonly detail: string | undefined;
}

/** TeleSign's request to a receiver, the same on every delivery attempt. */
export interface OutgoingCallback {
  readonly url: URL;
  /** The path and query to request. Sent literally, because a URL may change `//` and `..`. */
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: Buffer;
}

/** How often and how long the sender tries. */
export interface Persistence {
  /** The wait before each delivery attempt but the first, in milliseconds. */
  readonly waits: readonly number[];
  /** The longest wait for a whole answer, in milliseconds. */
  readonly timeout: number;
  /** How many of the first attempts to repeat even after a 200, as if it had been lost. */
  readonly lostAnswers?: number;
  /** Aborting ends the wait and prevents further attempts. An attempt under way continues. */
  readonly signal?: AbortSignal;
}

/**
 * TeleSign's waits, in milliseconds: 10 s after the first failure and 30 s after the second, as an
 * older edition of its page says.
 */
export const TELESIGN_WAITS: readonly number[] = [10_000, 30_000];

/** How long TeleSign's SMS products wait for an answer, in milliseconds. */
export const TELESIGN_TIMEOUT = 5_000;

/**
 * Checks how often and how long to try.
 *
 * @param prefix what precedes the names of the options in the error
 * @throws TypeError naming the option
 */
export function checkPersistence(waits: unknown, timeout: unknown, prefix = ""): Persistence {
  if (!Array.isArray(waits)) throw new TypeError(`${prefix}waits must be an array`);
  const checked = waits.map((wait: unknown) =>
    wait === 0 ? 0 : milliseconds(`each non-zero wait in ${prefix}waits`, wait),
  );
  return { waits: checked, timeout: milliseconds(`${prefix}timeout`, timeout) };
}

/** Delivers a callback, with retries. Yields each attempt as it ends. */
export async function* attempts(
  callback: OutgoingCallback,
  { waits, timeout, lostAnswers = 0, signal }: Persistence,
): AsyncGenerator<EndedAttempt, void> {
  for (const [retries, wait] of [0, ...waits].entries()) {
    await pause(wait, signal);
    if (signal?.aborted) return;
    const ended = await post(callback, timeout);
    yield ended;
    if (ended.result.status === 200 && retries >= lostAnswers) return;
  }
}

/** Waits until the time is up or the signal is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  // No timer for 0: if fake timers were set up before this package was loaded, it would be fake.
  if (milliseconds === 0 || signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const cancel = after(milliseconds, end);
    signal?.addEventListener("abort", end);
    function end() {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    }
  });
}

function post(callback: OutgoingCallback, timeout: number): Promise<EndedAttempt> {
  const { url, path, headers, body } = callback;
  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  // No agent: a connection kept alive would keep the process and the receiver's server running.
  const request = send(url, { method: "POST", path, headers, agent: false });
  return within(timeout, answerOf(request, body))
    .then(
      ({ status, detail }) => ({ result: { status, ms: elapsed() }, detail }),
      // Only the code, since the text may name the address. No instanceof: Jest has its own Error.
      ({ code }: NodeJS.ErrnoException) => ({
        result: { error: String(code), ms: elapsed() },
        detail: undefined,
      }),
    )
    .finally(() => request.destroy());
}

/** The most characters of an answer that are kept. */
const MOST_READ = 10_000;

/** Sends the body. Resolves once the whole answer has arrived. */
function answerOf(
  request: ClientRequest,
  body: Buffer,
): Promise<{ status: number; detail: string | undefined }> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      response.on("error", reject);
      let text = "";
      response.setEncoding("utf8").on("data", (more: string) => {
        text = (text + more).slice(0, MOST_READ);
      });
      response.on("end", () => {
        resolve({ status: Number(response.statusCode), detail: detailIn(response, text) });
      });
    });
    request.end(body);
  });
}

function detailIn({ headers }: IncomingMessage, text: string): string | undefined {
  // RFC 9457. Other JSON may say anything.
  const isProblem = headers["content-type"]?.startsWith("application/problem+json");
  try {
    const { status, title, errors } = Object(JSON.parse(text)) as Record<string, unknown>;
    if (!isProblem) return status === "duplicate" ? status : undefined;
    return typeof title === "string" ? [title, ...fieldsIn(errors)].join(", ") : undefined;
  } catch {
    return undefined;
  }
}

/** The failing fields of problem details, each with its rule. */
function fieldsIn(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) => {
    const { field, rule } = Object(error) as Partial<FieldError>;
    return typeof field === "string" && typeof rule === "string" ? [`${field} ${rule}`] : [];
  });
}
