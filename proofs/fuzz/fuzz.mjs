// Sends a million requests within half an hour: valid, valid except for one change, or random. They
// are pipelined, cut off, or sent in small pieces.
//
//   npm run proof fuzz -- [--requests 1000000] [--seed 1] [--minutes 30]
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { API_KEY, bodyOf, PATH, signatureHeaders } from "../support/notifications.mjs";
import { packedProject } from "../support/packed.mjs";

const { values: options } = parseArgs({
  options: {
    requests: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "30" },
  },
});
const REQUESTS = Number(options.requests);
const MINUTES = Number(options.minutes);
const CONNECTIONS = 32;
const PIPELINED = 100;
// How much the heap may grow, in MB: two inboxes of 10,000 references each, and compiled code.
const MOST_GROWN = 10;
// The statuses that a client may get; 404 comes from the app, 408 and 431 from Node.
const STATUSES = ["200", "400", "401", "404", "408", "413", "415", "431"];
// The receiver's default limit, in bytes.
const LONGEST_BODY = 65_536;

const random = createRandom(Number(options.seed));
const below = (limit) => Math.floor(random() * limit);
const oneOf = (choices) => choices[below(choices.length)];
const bytes = (length) => Buffer.from(Array.from({ length }, () => below(256)));

const NAMES = Object.keys(JSON.parse(bodyOf(0))).concat(
  "__proto__",
  "constructor",
  "",
  "a.b",
  "\u0000",
);

const totals = {
  tries: 0,
  cut: 0,
  trickled: 0,
  hung: 0,
  accepted: 0,
  checked: 0,
  unexpected: 0,
  statuses: {},
};
/** The references that were answered `accepted`, by path. */
const accepted = { [PATH]: [], "/plain": [] };
let reference = 0;

const project = packedProject();
const server = fork(join(project.directory, "proofs/fuzz/server.mjs"), {
  execArgv: ["--expose-gc"],
});
let crashes = 0;
server.on("exit", () => {
  crashes += 1;
});
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  server.kill();
  project.remove();
}

async function main() {
  const [{ port }] = await once(server, "message");
  const before = await ask("memory");
  const started = performance.now();
  const deadline = started + MINUTES * 60_000;
  let reported = 0;
  const worker = async () => {
    while (totals.tries < REQUESTS && crashes === 0 && performance.now() < deadline) {
      await converse(port);
      if (totals.tries - reported < REQUESTS / 10) continue;
      reported = totals.tries;
      console.log(`${totals.tries} tries, ${JSON.stringify(totals.statuses)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const seconds = (performance.now() - started) / 1000;
  // A hand-over waits up to 4 s for its answer, which a connection that was cut off never takes.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const counts = crashes === 0 ? await ask("counts") : {};
  // Before "memory", which makes the server forget what it delivered.
  const lost = crashes === 0 ? await ask("lost", accepted) : undefined;
  const after = crashes === 0 ? await ask("memory") : { heapUsed: 0, rss: 0 };
  const grown = (after.heapUsed - before.heapUsed) / 2 ** 20;
  console.log(JSON.stringify({ ...totals, lost, server: counts }));
  console.log(
    `heap ${megabytes(before.heapUsed)} MB before, ${megabytes(after.heapUsed)} MB after; RSS ${megabytes(after.rss)} MB`,
  );
  const strange = Object.keys(totals.statuses).filter((status) => !STATUSES.includes(status));
  const verdicts = {
    [`${REQUESTS} requests within ${MINUTES} minutes`]: totals.tries >= REQUESTS,
    "no crash": crashes === 0,
    "no unhandled rejection": counts.unhandled === 0,
    "no error event": counts.errors === 0,
    "every connection ended": totals.hung === 0,
    "only the expected statuses": strange.length === 0,
    [`heap grown by less than ${MOST_GROWN} MB`]: grown < MOST_GROWN,
    "no message twice": counts.twice === 0,
    "every accepted message delivered": lost === 0,
    "every valid message and retry answered as it should be": totals.unexpected === 0,
  };
  for (const [claim, holds] of Object.entries(verdicts)) {
    console.log(`${holds ? "holds" : "FAILS"}: ${claim}`);
  }
  const holds = Object.values(verdicts).every(Boolean);
  console.log(
    `fuzz ${holds ? "passed" : "FAILED"}: ${totals.tries} requests in ${seconds.toFixed(0)} s, ` +
      `${crashes} crashes, ${counts.unhandled} unhandled rejections, ${totals.hung} hung, ` +
      `${counts.delivered} messages delivered, ${counts.twice} twice, ${lost} lost`,
  );
  return holds;
}

function megabytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

async function ask(command, argument) {
  server.send({ command, argument });
  const [answer] = await once(server, "message");
  return answer;
}

/** One connection: some requests in a pipeline, whole, cut off somewhere, or in small pieces. */
async function converse(port) {
  const count = 1 + below(PIPELINED);
  const requests = Array.from({ length: count }, (_, index) => makeRequest(index === count - 1));
  const sent = Buffer.concat(requests.map(({ bytes }) => bytes));
  totals.tries += count;
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  // A server may wait for the rest of a request whose framing is damaged, but not otherwise.
  const isDamaged = requests.some((request) => request.isDamaged);
  socket.setTimeout(isDamaged ? 500 : 60_000, () => {
    if (!isDamaged) totals.hung += 1;
    socket.destroy();
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const manner = random();
  if (manner < 0.1) await cut(socket, sent);
  else if (manner < 0.15) await trickle(socket, sent);
  else socket.write(sent);
  await closed;
  const answers = answersIn(received);
  for (const { status } of answers) totals.statuses[status] = (totals.statuses[status] ?? 0) + 1;
  // If the framing is damaged, nobody can tell which request an answer belongs to.
  if (!isDamaged) check(requests, answers);
}

/** What a connection received, answer by answer; the last may be cut off. */
function answersIn(received) {
  const [, ...answers] = received.split(/HTTP\/1\.1 (?=\d{3})/);
  return answers.map((answer) => ({
    status: Number(answer.slice(0, 3)),
    isAccepted: answer.includes('"accepted"'),
  }));
}

/** Answers come in the order of requests. If a connection ended, the last requests have none. */
function check(requests, answers) {
  // More answers than requests: one was answered twice.
  totals.unexpected += Math.max(0, answers.length - requests.length);
  for (const [index, { path, body, expected }] of requests.entries()) {
    if (index >= answers.length) return;
    const { status, isAccepted } = answers[index];
    if (expected) totals.checked += 1;
    if (expected && status !== expected) totals.unexpected += 1;
    if (!isAccepted) continue;
    totals.accepted += 1;
    accepted[path].push(JSON.parse(body).mo_reference_id);
  }
}

async function cut(socket, sent) {
  totals.cut += 1;
  socket.write(sent.subarray(0, below(sent.length)));
  await new Promise((resolve) => setTimeout(resolve, below(5)));
  if (random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
}

async function trickle(socket, sent) {
  totals.trickled += 1;
  const pieces = 1 + below(40);
  const length = Math.ceil(sent.length / pieces);
  for (let start = 0; start < sent.length && !socket.destroyed; start += length) {
    socket.write(sent.subarray(start, start + length));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A request of some kind, and the status expected; the last one asks to close the connection. */
function makeRequest(isLast) {
  const make = oneOf([
    valid,
    valid,
    retry,
    mutated,
    mutated,
    anyJson,
    anyBytes,
    anyHeaders,
    elsewhere,
  ]);
  const { method = "POST", path = oneOf([PATH, "/plain"]), headers = {}, body = "" } = make();
  const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost"];
  if (isLast) lines.push("Connection: close");
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  const isChunked = random() < 0.2;
  // Now and then the declared length is a lie, or the framing is damaged.
  const isLie = !isChunked && random() < 0.001;
  const length = isLie ? 10 ** below(12) : Buffer.byteLength(body);
  lines.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const whole = Buffer.concat([head, isChunked ? chunked(body) : Buffer.from(body)]);
  const isBroken = random() < 0.003;
  if (isBroken) whole[below(whole.length)] = below(256);
  const expected = make === valid || make === retry ? statusFor(body) : undefined;
  return { bytes: whole, isDamaged: isLie || isBroken, path, body, expected };
}

/** The status that a valid message must get, whether it is new or a retry. */
function statusFor(body) {
  return Buffer.byteLength(body) > LONGEST_BODY ? 413 : 200;
}

function chunked(body) {
  const whole = Buffer.from(body);
  const parts = [];
  for (let start = 0; start < whole.length;) {
    const part = whole.subarray(start, start + 1 + below(whole.length));
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
    start += part.length;
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

function valid() {
  const body = bodyOf(reference++, random() < 0.01 ? "x".repeat(below(70_000)) : undefined);
  return { body, headers: signatureHeaders(body, API_KEY), path: PATH };
}

function retry() {
  const body = bodyOf(Math.max(0, reference - 1 - below(50)));
  return { body, headers: signatureHeaders(body, API_KEY), path: PATH };
}

/** A valid request with one byte of its body, or one character of a signature header, changed. */
function mutated() {
  const whole = valid();
  const body = Buffer.from(whole.body);
  body[below(body.length)] = below(256);
  if (random() < 0.7) return { ...whole, body, path: oneOf([PATH, "/plain"]) };
  const name = oneOf(Object.keys(whole.headers));
  const value = whole.headers[name];
  const at = below(value.length);
  const headers = {
    [name]: value.slice(0, at) + oneOf(["A", " ", ",", ":", "é"]) + value.slice(at + 1),
  };
  return { ...whole, headers };
}

function anyJson() {
  return { body: JSON.stringify(anyValue(4)), path: "/plain" };
}

function anyValue(depth) {
  const leaf = [null, true, below(1e9), -1.5e300, "", "15551234", "\ud800", "2018-02-30T00:00:00"];
  if (depth === 0 || random() < 0.2) return oneOf(leaf);
  if (random() < 0.2) return Array.from({ length: below(4) }, () => anyValue(depth - 1));
  const names = NAMES.filter(() => random() < 0.6);
  return Object.fromEntries(names.map((name) => [name, anyValue(depth - 1)]));
}

function anyBytes() {
  return { body: bytes(below(random() < 0.002 ? 100_000 : 200)), path: "/plain" };
}

function anyHeaders() {
  const names = [
    "Content-Type",
    "Content-Encoding",
    "Authorization",
    "X-TS-Authorization",
    "X-Any",
  ];
  // A refused encoding ends the connection, and with it what is left of the pipeline.
  const chosen = names.filter((name) => random() < (name === "Content-Encoding" ? 0.05 : 0.5));
  // Any byte that a header may hold.
  const value = () =>
    bytes(below(60))
      .toString("latin1")
      .replace(/[^\t\x20-\x7e\x80-\xff]/g, "");
  const headers = Object.fromEntries(
    chosen.map((name) => [name, oneOf([value(), "gzip", "identity"])]),
  );
  return { body: bodyOf(reference++), headers };
}

function elsewhere() {
  const method = oneOf(["GET", "PUT", "OPTIONS", "HEAD", "POST"]);
  const path = oneOf([
    "/",
    `${PATH}/`,
    PATH.toUpperCase(),
    "/%zz",
    "//",
    `${PATH}?a=1`,
    "/plain?/x",
  ]);
  return { method, path };
}

/** Makes a generator of numbers in [0, 1) from a seed (mulberry32). */
function createRandom(seed) {
  let state = seed;
  return function next() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
