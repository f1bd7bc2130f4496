import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { API_KEY, bodyOf, referenceOf, signatureHeaders } from "../support/notifications.mjs";
import { GUARDED_PATH, OTHER, PATH } from "./apps/paths.mjs";

const upload = JSON.stringify({ mo_message: "x".repeat(900_000) });

/**
 * A sender that is not allowed posts 900 kB repeatedly: it always gets 403, and others always 200.
 *
 * @param {(address: string) => Function} senderFrom makes a sender that has this address
 */
export async function checkRefusals(senderFrom) {
  const refused = senderFrom("127.0.0.3");
  const others = senderFrom("127.0.0.2");
  const statuses = { refused: {}, others: {} };
  const count = async (kind, request) => {
    const { status } = await request.catch(({ message }) => ({ status: message }));
    statuses[kind][status] = (statuses[kind][status] ?? 0) + 1;
  };
  const sent = [];
  for (let i = 0; i < 120; i += 1) {
    if (i % 5 === 0) {
      sent.push(count("refused", refused({ method: "POST", path: GUARDED_PATH, body: upload })));
    }
    sent.push(count("others", others({ method: "GET", path: OTHER })));
    await sleep(25);
  }
  await Promise.all(sent);
  const isSo = only(statuses.refused, "403") && only(statuses.others, "200");
  return isSo ? [] : [`refusals of 900 kB, and others beside them: ${JSON.stringify(statuses)}`];
}

function only(counts, status) {
  return Object.keys(counts).join() === status;
}

/** Above the 5 s after which Node, without a `keepAliveTimeout`, closes an idle connection. */
const IDLE = 6_500;

/** A proxy's connection to the app is still the same one after it was idle. */
export async function checkKeptConnection(send) {
  const connection = async () =>
    (await send({ method: "GET", path: OTHER })).headers["x-connection"];
  const before = await connection();
  await sleep(IDLE);
  const after = await connection();
  const isSame = before !== undefined && before === after;
  return isSame ? [] : ["the app closed an idle connection to its proxy"];
}

/** A file to which apps write what their listeners were given. */
export function createLog(folder) {
  const path = join(folder, "delivered");
  writeFileSync(path, "");
  const lines = () => readFileSync(path, "utf8").split("\n").slice(0, -1);
  return { path, references: () => new Set(lines().map((line) => JSON.parse(line).reference)) };
}

let made = 0;

const SENDERS = 5;

/**
 * Delivers under load, as TeleSign does but with shorter waits, while `restart` runs.
 *
 * @param {object} [options]
 * @param {number} [options.perSecond] the most deliveries that begin in a second
 * @param {boolean} [options.mayRetry] whether a first attempt may fail
 * @returns the failures: what was never acknowledged, and what was but reached no listener
 */
export async function deliverDuring(restart, send, log, options = {}) {
  const { perSecond = 250, mayRetry = true } = options;
  const acknowledged = [];
  const refused = {};
  let isOver = false;
  let unacknowledged = 0;

  async function deliver() {
    made += 1;
    const number = made;
    for (const wait of [0, 500, 2_500]) {
      await sleep(wait);
      const answer = await answerTo(bodyOf(number));
      if (answer === 200) return acknowledged.push(referenceOf(number));
      if (wait === 0) refused[answer] = (refused[answer] ?? 0) + 1;
    }
    unacknowledged += 1;
  }

  async function answerTo(body) {
    const headers = { "Content-Type": "application/json", ...signatureHeaders(body, API_KEY) };
    const sent = send({ method: "POST", path: PATH, headers, body });
    return sent.then(
      ({ status }) => status,
      ({ message }) => message,
    );
  }

  async function keepDelivering() {
    while (!isOver) await Promise.all([deliver(), sleep((1_000 * SENDERS) / perSecond)]);
  }

  const senders = Array.from({ length: SENDERS }, keepDelivering);
  await sleep(500);
  await restart();
  await sleep(500);
  isOver = true;
  await Promise.all(senders);
  const lost = await countLost(acknowledged, log);
  const firstRefused = mayRetry ? {} : refused;
  const figures = { acknowledged: acknowledged.length, lost, unacknowledged, firstRefused };
  const isWhole = lost === 0 && unacknowledged === 0 && acknowledged.length > 50;
  const isSo = isWhole && Object.keys(firstRefused).length === 0;
  return isSo ? [] : [`a restart under load: ${JSON.stringify(figures)}`];
}

/** How many reached no listener within 5 s: a durable inbox may hand over late. */
async function countLost(acknowledged, log) {
  for (let i = 0; ; i += 1) {
    const delivered = log.references();
    const lost = acknowledged.filter((reference) => !delivered.has(reference)).length;
    if (lost === 0 || i === 50) return lost;
    await sleep(100);
  }
}

/**
 * Checks that a listener has its notification before the function returns, since the platform may
 * then freeze the process. A header of the app says how many its listener had.
 */
export async function checkFrozen(send) {
  made += 1;
  const body = bodyOf(made);
  const headers = { "Content-Type": "application/json", ...signatureHeaders(body, API_KEY) };
  const answer = await send({ method: "POST", path: PATH, headers, body });
  // `checkList` has delivered two before this one.
  const isSo = answer.status === 200 && answer.headers["x-delivered"] === "3";
  return isSo ? [] : [`delivered when the function returns: ${answer.headers["x-delivered"]}`];
}
