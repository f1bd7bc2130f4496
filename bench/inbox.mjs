// Counts the notifications received and delivered per second, with one and with two processes, in
// memory and on each engine. Prints medians of several rounds; the engines take turns, so that a busy
// machine is unfair to none. Needs redis-server and PostgreSQL.
//
//   npm run bench inbox
import { ENGINES } from "../proofs/faults/engines.mjs";
import {
  account,
  createLog,
  deliver,
  eventually,
  notification,
  startReceiver,
} from "../proofs/faults/receivers.mjs";
import { freePort } from "../proofs/support/free-port.mjs";
import buildIfStale from "../spec/support/fresh-build.mjs";

buildIfStale();
const ROUNDS = 3;
const COUNT = 3_000;
const SENDERS = 50;

const CASES = [
  { engine: "memory", processes: 1 },
  { engine: "Redis", processes: 1 },
  { engine: "Redis", processes: 2 },
  { engine: "PostgreSQL", processes: 1 },
  { engine: "PostgreSQL", processes: 2 },
];

const rates = new Map(CASES.map((which) => [which, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const which of CASES) rates.get(which).push(await measure(which));
}
for (const [{ engine, processes }, measured] of rates) {
  const median = [...measured].sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  console.log(
    `${engine.padEnd(10)} ${processes} process${processes > 1 ? "es" : "  "} ${Math.round(median)} a second`,
  );
}

async function measure({ engine, processes }) {
  const server = engine === "memory" ? undefined : await ENGINES[engine]();
  const log = createLog();
  const options = { connection: server?.connection };
  const ports = [];
  const receivers = [];
  for (let i = 0; i < processes; i += 1) {
    ports.push(await freePort());
    const settings = { engine, options, log: log.path, work: 0, port: ports[i] };
    receivers.push(await startReceiver(settings));
  }
  await Promise.all(ports.map((port) => deliver(port, notification())));
  await eventually(10_000, () => log.references().length === processes);

  const sent = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: SENDERS }, send));
  while (account(sent, log.references()).lost > 0) await new Promise(setImmediate);
  const seconds = (performance.now() - started) / 1_000;

  async function send() {
    while (sent.length < COUNT) {
      const message = notification();
      sent.push(message.mo_reference_id);
      await deliver(ports[sent.length % processes], message);
    }
  }

  await Promise.all(receivers.map((receiver) => receiver.end("SIGTERM")));
  await server?.close();
  log.remove();
  return COUNT / seconds;
}
