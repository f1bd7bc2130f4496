import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { API_KEY, bodyOf, referenceOf, signatureHeaders } from "../support/notifications.mjs";
import { OTHER, PATH, SEEN } from "./apps/paths.mjs";

const documented = readFileSync(new URL("../../spec/fixtures/documented.json", import.meta.url));
const { mo_reference_id: reference } = JSON.parse(documented);
const tampered = Buffer.from(documented.toString().replace("blue shirt", "red shirt"));
/** No other check uses this number. */
const FOREIGN = 99_999_999;
const TEXT = "Où es-tu ? 你在哪里 🙂";
const foreign = bodyOf(FOREIGN, TEXT);
/** More than a kernel buffers, so that a receiver which resets the connection breaks the upload. */
const UPLOAD = 3_500_000;

const signed = (body, headers = {}) => ({
  body,
  headers: {
    "Content-Type": "application/json",
    ...signatureHeaders(body, API_KEY),
    "X-Request-Id": "first",
    ...headers,
  },
});

/** What holds wherever the package runs. Each check throws if the answer that it gets is wrong. */
const CHECKS = {
  "the documented payload, signed: 200": async (send) =>
    isAnswer(await send(signed(documented)), 200, '{"status":"accepted"}'),
  "its retry: duplicate": async (send) =>
    isAnswer(await send(signed(documented)), 200, '{"status":"duplicate"}'),
  "a wrong signature: 401": async (send) =>
    isProblem(await send({ ...signed(documented), body: tampered }), 401),
  "not a notification: 400": async (send) => isProblem(await send(signed('{"a":1}')), 400),
  "not JSON: 400": async (send) => isProblem(await send(signed('{"a":')), 400),
  "an oversized body: 413, whole": async (send, uploadBytes) => {
    const body = JSON.stringify({ mo_message: "x".repeat(uploadBytes) });
    isProblem(await send({ ...signed(body), isReadLate: true }), 413);
  },
  "other requests fall through, their bodies unread": async (send) => {
    const headers = { "Content-Type": "application/json" };
    isAnswer(await send({ method: "GET", path: OTHER }), 200, "other");
    isAnswer(await send({ path: OTHER, headers, body: '{"ping":1}' }), 200, '{"ping":1}');
    // The same on the callback's own path, for which the app has no GET route.
    same((await send({ method: "GET" })).status, 404);
  },
  "a text in any language arrives as it was sent": async (send) => {
    const headers = { "X-Request-Id": "second" };
    isAnswer(await send(signed(foreign, headers)), 200, '{"status":"accepted"}');
    same((await seenBy(send, referenceOf(FOREIGN)))[0]?.text, TEXT);
  },
  "delivered once": async (send) => {
    await seenBy(send);
    // A second hand-over might come later than the first.
    await sleep(500);
    same((await seenBy(send)).length, 1);
  },
  "in the request's AsyncLocalStorage": async (send) => {
    same((await seenBy(send))[0]?.context, "first");
    same((await seenBy(send, referenceOf(FOREIGN)))[0]?.context, "second");
  },
};

export const CLAIMS = Object.keys(CHECKS);

/**
 * Checks what the package promises wherever it runs.
 *
 * @param {Function} send takes `{ method, path, headers, body }`, resolves to `{ status, body }`
 * @param {{ except?: readonly string[], uploadBytes?: number }} [options] the claims that cannot
 *   hold in this place, and how long the oversized body is, if a proxy allows no more
 * @returns the failures, one line each
 */
export async function checkList(send, { except = [], uploadBytes = UPLOAD } = {}) {
  const failures = [];
  for (const [claim, check] of Object.entries(CHECKS)) {
    if (except.includes(claim)) continue;
    try {
      const sendToPath = ({ method = "POST", path = PATH, ...rest }) =>
        send({ method, path, ...rest });
      await check(sendToPath, uploadBytes);
    } catch (error) {
      failures.push(`${claim}: ${error.message}`);
    }
  }
  return failures;
}

/** What the listener was given, as the app reports it: waits up to 3 s for the first. */
async function seenBy(send, wanted = reference) {
  for (let i = 0; ; i += 1) {
    const { body } = await send({ method: "GET", path: SEEN });
    const seen = JSON.parse(body).filter((each) => each.reference === wanted);
    if (seen.length > 0 || i === 30) return seen;
    await sleep(100);
  }
}

function isAnswer({ status, body }, wantedStatus, wantedBody) {
  same([status, body], [wantedStatus, wantedBody]);
}

function isProblem({ status, headers, body }, wanted) {
  same([status, headers["content-type"]], [wanted, "application/problem+json"]);
  same(JSON.parse(body).status, wanted);
}

export function same(actual, expected) {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${String(got).slice(0, 200)}`);
}
