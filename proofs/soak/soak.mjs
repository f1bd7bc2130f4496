// Ten minutes of mixed load at 80 % of capacity, with listeners that fail, are slow, or hang.
// Nothing may be lost or doubled, and memory must stay level.
//
//   npm run proof soak -- [--minutes 10]
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { packedProject } from "../support/packed.mjs";

const { values: options } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
const MINUTES = Number(options.minutes);
if (!(MINUTES >= 3))
  throw new TypeError(
    "--minutes must be 3 or more: the heap after minute 2 is compared with the last",
  );
const SHARE = 0.8;
const SECOND = 1000;

const project = packedProject();
const server = fork(join(project.directory, "proofs/soak/server.mjs"), {
  execArgv: ["--expose-gc"],
});
const load = fork(join(project.directory, "proofs/soak/load.mjs"));
try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  server.kill();
  load.kill();
  project.remove();
}

async function ask(child, message) {
  child.send(message);
  const [answer] = await once(child, "message");
  return answer;
}

async function main() {
  const [{ port }] = await once(server, "message");
  await ask(load, { port });
  const { perSecond } = await ask(load, { seconds: 15 });
  const rate = Math.floor(perSecond * SHARE);
  console.log(`capacity ${perSecond.toFixed(0)} requests/s; load ${rate} requests/s`);

  const minutes = [];
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    const { p99, statuses } = await ask(load, { seconds: 60, rate });
    const memory = await ask(server, "memory");
    minutes.push({ p99, ...memory });
    const megabytes = (memory.heapUsed / 2 ** 20).toFixed(1);
    console.log(
      `minute ${minute}: heap ${megabytes} MB, p99 ${p99.toFixed(1)} ms, ${JSON.stringify(statuses)}`,
    );
  }
  // Lets slow listeners finish.
  await new Promise((resolve) => setTimeout(resolve, 2 * SECOND));
  const sent = await ask(load, "sent");
  const seen = await ask(server, "seen");
  return report(minutes, sent, seen);
}

function report(minutes, { distinct, retries, unexpected }, seen) {
  const early = minutes[1];
  const late = minutes.at(-1);
  const growth = late.heapUsed / early.heapUsed - 1;
  const middle = Math.ceil(minutes.length / 2);
  const slowed = medianP99(minutes.slice(-middle)) / medianP99(minutes.slice(0, middle));
  const verdicts = {
    "every answer was the expected one": unexpected === 0,
    "nothing lost": seen.distinct === distinct,
    "nothing doubled": seen.delivered === distinct,
    "every retry recognised": seen.duplicates === retries,
    "every failing listener reported once": seen.reported === seen.failed,
    "heap within 5 %": Math.abs(growth) < 0.05,
    "p99 steady: in the later half at most 1.5 times that of the earlier": slowed < 1.5,
    "nothing unhandled": seen.unhandled === 0,
  };
  console.log(JSON.stringify({ distinct, retries, unexpected, ...seen, growth, slowed }));
  for (const [claim, holds] of Object.entries(verdicts)) {
    console.log(`${holds ? "holds" : "FAILS"}: ${claim}`);
  }
  const holds = Object.values(verdicts).every(Boolean);
  console.log(`soak ${holds ? "passed" : "FAILED"}: ${distinct + retries} notifications`);
  return holds;
}

function medianP99(minutes) {
  return minutes.map(({ p99 }) => p99).toSorted((a, b) => a - b)[Math.floor(minutes.length / 2)];
}
