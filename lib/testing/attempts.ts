import { request as requestHttp, type ClientRequest } from "node:http";
import { request as requestHttps } from "node:https";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { within } from "../clock.js";

/** How one attempt to deliver a notification ended. Only a `status` of 200 is a success. */
export interface Attempt {
  /** The HTTP status of the answer, if a whole answer came in time. */
  readonly status?: number;
  /** Why none came: the code of Node's error, such as `ECONNREFUSED`; `ETIMEDOUT` if it took too long. */
  readonly error?: string;
  /** How long it took, in milliseconds. */
  readonly ms: number;
}

/** TeleSign's request to a receiver, the same on every attempt. */
export interface OutgoingCallback {
  readonly url: URL;
  readonly body: Buffer;
  /** The headers of the signature, if it is signed. */
  readonly signature: Readonly<Record<string, string>>;
}

/** How persistent the sender is. */
export interface Persistence {
  /** How long to wait before each attempt but the first, in milliseconds. */
  readonly waits: readonly number[];
  /** How long to wait for an answer, in milliseconds. */
  readonly timeout: number;
  /** Whose answers, of the first attempts, to take for lost on their way back, so that a retry follows. */
  readonly lostAnswers?: number;
  /** Ends the waiting, and with it the attempts; the one under way is finished. */
  readonly signal?: AbortSignal;
}

/**
 * TeleSign's waits, in milliseconds: 10 s after the first failure and 30 s after the second, as an
 * older edition of its page has them.
 */
export const TELESIGN_WAITS: readonly number[] = [10_000, 30_000];

/** How long TeleSign waits for an answer, in milliseconds, as it does for its SMS products. */
export const TELESIGN_TIMEOUT = 5_000;

/** The longest that a timer of Node's can wait, in milliseconds; given more, it does not wait at all. */
export const LONGEST_WAIT = 2 ** 31 - 1;

/** Delivers a callback as TeleSign does, until an answer of 200, and yields each attempt as it ends. */
export async function* attempts(
  callback: OutgoingCallback,
  { waits, timeout, lostAnswers = 0, signal }: Persistence,
): AsyncGenerator<Attempt, void> {
  for (const [retries, wait] of [0, ...waits].entries()) {
    const isDue = await sleep(wait, true, { signal }).catch(() => false);
    if (!isDue) return;
    const attempt = await post(callback, timeout);
    yield attempt;
    if (attempt.status === 200 && retries >= lostAnswers) return;
  }
}

function post({ url, body, signature }: OutgoingCallback, timeout: number): Promise<Attempt> {
  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start);
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    ...signature,
  };
  // No agent: a connection that is kept would keep the process, and the receiver's server, up.
  const request = send(url, { method: "POST", headers, agent: false });
  return within(timeout, statusOf(request, body))
    .then(
      (status) => ({ status, ms: elapsed() }),
      // The code alone, since the text may name the address. No instanceof: Jest has an Error of its own.
      ({ code }: NodeJS.ErrnoException) => ({ error: String(code), ms: elapsed() }),
    )
    .finally(() => request.destroy());
}

/** The status of an answer that came whole. */
function statusOf(request: ClientRequest, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      response.on("error", reject);
      response.on("end", () => resolve(Number(response.statusCode)));
      response.resume();
    });
    request.end(body);
  });
}
