// Compares the memory and the CPU time that each attack costs with what it costs a bare
// express.json() handler. Takes about ten minutes; the exit status is the verdict.
//
//   npm run proof memory -- [--rounds 3] [--only pipelin] [--node /path/to/node]
import { parseArgs } from "node:util";

import { packedProject } from "../support/packed.mjs";
import { attacks, perform } from "./attacks.mjs";
import { overload } from "./overload.mjs";
import { startReceiver } from "./receivers.mjs";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    node: { type: "string", default: process.execPath },
  },
});
const ROUNDS = Number(options.rounds);
/** The package may take at most this many times what the bare handler takes. */
const MOST = 1.5;
/** Below these, in bytes and in µs, a figure is noise, and its ratio says nothing. */
const NOISE = { memory: 8 * 2 ** 20, cpu: 50_000 };

const isWanted = (name) => new RegExp(options.only, "i").test(name);
const project = packedProject();
const failures = [];
try {
  console.log("| attack | sent | package | bare handler | memory ratio | CPU ratio | verdict |");
  console.log("| :-- | --: | --: | --: | --: | --: | :-- |");
  for (const attack of attacks.filter(({ name }) => isWanted(name))) await compare(attack);
  if (isWanted("overload")) {
    for (const name of ["bare", "package"]) await endure(name);
  }
} finally {
  project.remove();
}
console.log(failures.length > 0 ? `FAILED: ${failures.join("; ")}` : "memory: all hold");
process.exitCode = failures.length > 0 ? 1 : 0;

/** Attacks both receivers in turn, and prints a row. */
async function compare(attack) {
  const rounds = { package: [], bare: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ["package", "bare"]) rounds[name].push(await measure(attack, name));
  }
  const ours = summary(rounds.package);
  const bare = summary(rounds.bare);
  const memory = ratio(ours, bare, "memory");
  const cpu = ratio(ours, bare, "cpu");
  const holds = !ours.isDead && memory <= MOST && cpu <= MOST;
  if (!holds) failures.push(attack.name);
  const ratios = [memory, cpu].map((value) => value.toFixed(2));
  const sent = `${megabytes(ours.sent)} MB`;
  row([attack.name, sent, cost(ours), cost(bare), ...ratios, holds ? "holds" : "FAILS"]);
}

/** One attack on a fresh receiver: the bytes sent, peak memory above idle, and CPU time in µs. */
async function measure(attack, name) {
  const { directory } = project;
  const receiver = await startReceiver({ directory, name, node: options.node, ...attack.receiver });
  try {
    const before = await receiver.cpu();
    const idle = receiver.memory();
    receiver.watchMemory();
    const sent = await perform(attack, receiver);
    if (receiver.isDead()) return { sent, memory: Infinity, cpu: Infinity };
    return { sent, memory: receiver.peak() - idle, cpu: (await receiver.cpu()) - before };
  } finally {
    receiver.end();
  }
}

function summary(rounds) {
  const median = (figure) =>
    rounds.map((round) => round[figure]).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  const isDead = rounds.some(({ cpu }) => cpu === Infinity);
  return { sent: median("sent"), memory: median("memory"), cpu: median("cpu"), isDead };
}

/** Both figures are for the same bytes, so this is also the ratio for each byte sent. */
function ratio(ours, bare, figure) {
  if (ours[figure] <= NOISE[figure]) return Math.min(1, ours[figure] / bare[figure]);
  return ours[figure] / Math.max(bare[figure], NOISE[figure]);
}

function cost({ sent, memory, cpu, isDead }) {
  if (isDead) return "out of memory";
  const perByte = (figure) => (figure / sent).toFixed(2);
  return `${megabytes(memory)} MB, ${perByte(memory)} B/B, ${perByte(cpu * 1_000)} ns/B`;
}

/** Twice the load that a receiver can answer. The bare handler's figures are for comparison. */
async function endure(name) {
  const { directory } = project;
  const receiver = await startReceiver({ directory, name, node: options.node });
  try {
    const seen = await overload(receiver);
    const { heapBefore, heapAfter, peak, ...rates } = seen;
    const memory = [heapBefore, heapAfter, peak].map(megabytes).join(", ");
    console.log(`\n${name}: requests a second ${JSON.stringify(rates)}`);
    console.log(`${name}: heap before and after, peak of memory: ${memory} MB`);
    if (name === "package") judge(seen);
  } finally {
    receiver.end();
  }
}

function judge({ capacity, answeredPerSecond, leastPerSecond, heapBefore, heapAfter }) {
  const claims = {
    "answers in every second": leastPerSecond > 0,
    "answers at least half as many as before": answeredPerSecond >= capacity / 2,
    "alive, with a 512 MB heap": heapAfter < Infinity,
    "heap within 16 MB of before, 5 s later": heapAfter - heapBefore < 16 * 2 ** 20,
  };
  for (const [claim, holds] of Object.entries(claims)) {
    console.log(`${holds ? "holds" : "FAILS"}: overload: ${claim}`);
    if (!holds) failures.push(`overload: ${claim}`);
  }
}

function megabytes(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}

function row(cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
