// Compares the package with other receivers, in interleaved rounds.
//
//   npm run bench -- [--rounds 21] [--requests 15000] [--only mounted] [--node /path/to/node]
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { API_KEY } from "../proofs/support/notifications.mjs";
import { packedProject } from "../proofs/support/packed.mjs";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "21" },
    // Enough for every round to include garbage collections.
    requests: { type: "string", default: "15000" },
    only: { type: "string", default: "" },
    node: { type: "string", default: process.execPath },
  },
});
const ROUNDS = Number(options.rounds);
const REQUESTS = Number(options.requests);
const CONNECTIONS = 32;
/** Processes that run the same code differ by a few per cent, so new ones start this often. */
const ROUNDS_PER_START = 7;
for (const [name, count] of Object.entries({ ROUNDS, REQUESTS })) {
  if (!(count >= 1)) throw new TypeError(`--${name.toLowerCase()} must be 1 or more`);
}

/** Contenders with which the others are compared. */
const FLOORS = { ahead: "node:http alone", mounted: "Router that does nothing" };

const project = packedProject();
try {
  await main();
} finally {
  project.remove();
}

async function main() {
  const { contenders } = await import(join(project.directory, "bench/contenders.mjs"));
  const names = namesToRun(Object.keys(contenders));
  const load = start("load.mjs", [], 1);
  const runs = names.map((name) => ({ name, rounds: [] }));

  for (let round = 0; round < ROUNDS; round += 1) {
    if (round % ROUNDS_PER_START === 0) {
      for (const run of runs) await startAnew(run);
      // This round warms up and is not counted.
      for (const run of runs) await measure(run, load, 0);
    }
    for (const run of runs) run.rounds.push(await measure(run, load, round + 1));
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`);
  }
  for (const run of runs) run.memory = await ask(run.server, "memory");
  report(runs);
  for (const { server } of runs) server.disconnect();
  load.disconnect();
}

/** The contenders that `--only` matches, and their floors. */
function namesToRun(all) {
  const wanted = all.filter((name) => new RegExp(options.only).test(name));
  if (wanted.length === 0) throw new TypeError(`--only must match one of: ${all.join("; ")}`);
  const floors = wanted.map(floorOf);
  return all.filter((name) => wanted.includes(name) || floors.includes(name));
}

function floorOf(name) {
  return name.includes("ahead") || name === FLOORS.ahead ? FLOORS.ahead : FLOORS.mounted;
}

async function startAnew(run) {
  run.server?.disconnect();
  run.server = start("server.mjs", [run.name], 0);
  [{ port: run.port }] = await once(run.server, "message");
}

/** Starts a file of the project on one core, so that load and server do not share one. */
function start(file, args, core) {
  const script = join(project.directory, "bench", file);
  const child = fork(script, args, { execPath: options.node, execArgv: ["--expose-gc"] });
  if (cpus().length > 1) spawnSync("taskset", ["-acp", String(core), String(child.pid)]);
  return child;
}

async function ask(child, message) {
  child.send(message);
  const [answer] = await once(child, "message");
  return answer;
}

async function measure({ name, server, port }, load, round) {
  await ask(server, "start");
  const apiKey = name.includes("signed") ? API_KEY : undefined;
  const from = round * REQUESTS;
  const sent = await ask(load, { port, connections: CONNECTIONS, from, count: REQUESTS, apiKey });
  const { cpu, delivered, distinct } = await ask(server, "stop");
  check(name, "answers of 200", sent.statuses[200]);
  if (/package|hand-written/.test(name)) {
    check(name, "messages delivered", delivered);
    check(name, "distinct messages delivered", distinct);
  }
  const { seconds, p50, p99 } = sent;
  const busy = cpu / 1e6 / seconds;
  return { rate: REQUESTS / seconds, p50, p99, cpu: cpu / REQUESTS, busy };
}

function check(name, what, count) {
  if (count !== REQUESTS) throw new Error(`${name}: ${count} ${what}, not ${REQUESTS}`);
}

function report(runs) {
  const version = spawnSync(options.node, ["--version"], { encoding: "utf8" }).stdout.trim();
  const sent = `${REQUESTS} requests a round on ${CONNECTIONS} connections`;
  console.log(`Node ${version}, ${cpus()[0].model}, ${ROUNDS} rounds, ${sent}\n`);
  const head = [
    "",
    "requests/s",
    "share, by rate",
    "share, by CPU",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "busy",
    "heap MB",
    "RSS MB",
  ];
  row(head);
  row(head.map((_, column) => (column === 0 ? "---" : "--:")));
  for (const run of runs) {
    const { name, rounds, memory } = run;
    const of = (figure, digits) =>
      spread(
        rounds.map((round) => round[figure]),
        digits,
      );
    const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
    row([
      name,
      of("rate", 0),
      ratios(run, runs, ({ rate }, floor) => rate / floor.rate),
      ratios(run, runs, ({ cpu }, floor) => floor.cpu / cpu),
      of("p50", 2),
      of("p99", 2),
      of("cpu", 1),
      median(rounds.map(({ busy }) => busy)).toFixed(2),
      megabytes(memory.heapUsed),
      megabytes(memory.rss),
    ]);
  }
}

/** Compares with the floor, round by round, so that whatever slows both cancels out. */
function ratios({ name, rounds }, runs, ratio) {
  const floorName = floorOf(name);
  if (name === floorName) return "";
  const floor = runs.find((run) => run.name === floorName);
  return spread(
    rounds.map((figures, round) => ratio(figures, floor.rounds[round])),
    2,
  );
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/** The median, and the range in brackets. */
function spread(numbers, digits) {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return `${median(numbers).toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function row(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
