// Measures the memory inbox, and each engine with one and with two processes: the notifications
// received and delivered a second, the 99th percentile of the time to answer, and the longest block
// of the event loop. Prints medians of several rounds, in which the engines take turns. Needs
// redis-server and PostgreSQL, and Node 22.13 or later for SQLite.
//
//   npm run bench inbox
import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ENGINES } from "../proofs/faults/engines.mjs";
import {
  account,
  createLog,
  deliver,
  eventually,
  healthOf,
  notification,
  startReceiver,
} from "../proofs/faults/receivers.mjs";
import { freePort } from "../proofs/support/free-port.mjs";
import buildIfStale from "../spec/support/fresh-build.mjs";

buildIfStale();
const ROUNDS = 3;
const COUNT = 12_000;
const SENDERS = 100;
/** As many hand-overs at a time as senders, since the memory inbox does not limit hand-overs. */
const concurrency = SENDERS;

const hasSqlite = isBuiltin("node:sqlite");
const engines = [...(hasSqlite ? ["SQLite"] : []), "Redis", "PostgreSQL"];
const CASES = [
  { engine: "memory", processes: 1 },
  ...engines.flatMap((engine) => [1, 2].map((processes) => ({ engine, processes }))),
];

const results = new Map(CASES.map((which) => [which, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const which of CASES) results.get(which).push(await measure(which));
}
const medians = [...results].map(([which, measured]) => ({
  ...which,
  "per second": median(measured, "rate"),
  "p99 of the answer, ms": median(measured, "p99"),
  "longest block, ms": median(measured, "longestBlockMs"),
}));
console.table(medians);
if (!hasSqlite) console.log("without SQLite: this Node has no node:sqlite");

function median(measured, name) {
  const values = measured.map((each) => each[name]).sort((a, b) => a - b);
  return Math.round(values[Math.floor(values.length / 2)]);
}

/** Prepares an engine. Resolves to its inboxes' options, and to what removes it again. */
async function storeOf(engine) {
  if (engine === "memory") return { options: {}, remove: () => {} };
  if (engine === "SQLite") {
    const directory = mkdtempSync(join(tmpdir(), "telesign-callback-bench-"));
    const remove = () => rmSync(directory, { recursive: true });
    return { options: { file: join(directory, "inbox.db"), concurrency }, remove };
  }
  const server = await ENGINES[engine]();
  return { options: { connection: server.connection, concurrency }, remove: () => server.close() };
}

async function measure({ engine, processes }) {
  const { options, remove } = await storeOf(engine);
  const log = createLog();
  const ports = [];
  const receivers = [];
  for (let i = 0; i < processes; i += 1) {
    ports.push(await freePort());
    const settings = { engine, options, log: log.path, work: 0, port: ports[i] };
    receivers.push(await startReceiver(settings));
  }
  await Promise.all(ports.map((port) => deliver(port, notification())));
  await eventually(10_000, () => log.references().length === processes);
  await Promise.all(ports.map((port) => healthOf(port, "/reset")));

  const sent = [];
  const times = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: SENDERS }, send));
  while (account(sent, log.references()).lost > 0) await new Promise(setImmediate);
  const seconds = (performance.now() - started) / 1_000;

  async function send() {
    while (sent.length < COUNT) {
      const message = notification();
      sent.push(message.mo_reference_id);
      const { status, ms } = await deliver(ports[sent.length % processes], message);
      if (status !== 200) throw new Error(`${engine} did not acknowledge`);
      times.push(ms);
    }
  }

  const healths = await Promise.all(ports.map((port) => healthOf(port)));
  await Promise.all(receivers.map((receiver) => receiver.end("SIGTERM")));
  await remove();
  log.remove();
  times.sort((a, b) => a - b);
  return {
    rate: COUNT / seconds,
    p99: times[Math.floor(0.99 * (times.length - 1))],
    longestBlockMs: Math.max(...healths.map(({ longestBlockMs }) => longestBlockMs)),
  };
}
