// Measures how CPU time and memory grow. Prints the figures and rewrites bench/growth.svg.
//
//   npm run bench growth -- [--rounds 3] [--requests 50000] [--references 1000000]
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { packedProject } from "../proofs/support/packed.mjs";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    requests: { type: "string", default: "50000" },
    references: { type: "string", default: "1000000" },
  },
});
const ROUNDS = Number(options.rounds);
const REQUESTS = Number(options.requests);
const MOST_REFERENCES = Number(options.references);

const panels = [
  {
    title: "References received before",
    points: [1e3, 1e4, 1e5, 1e6]
      .filter((references) => references <= MOST_REFERENCES)
      .map((references) => ({
        label: references.toLocaleString("en", { notation: "compact" }),
        references,
        requests: Math.min(REQUESTS, 10_000),
      })),
  },
  {
    title: "Listeners",
    points: [1, 10, 100].map((listeners) => ({ label: `${listeners}`, listeners })),
  },
  {
    title: "Bytes of text",
    points: [100, 1000, 8000, 64_000].map((text) => ({ label: text.toLocaleString("en"), text })),
  },
  {
    title: "API keys",
    points: [0, 1, 5].map((keys) => ({ label: keys === 0 ? "none" : `${keys}`, keys })),
  },
];

const project = packedProject();
try {
  const all = panels.flatMap(({ points }) => points);
  for (const point of all) point.rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const point of all) {
      // A million references take a while, and one round is enough.
      if (round === 0 || point.references !== 1e6) point.rounds.push(await measure(point));
    }
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`);
  }
} finally {
  project.remove();
}
for (const { title, points } of panels) {
  console.log(`\n| ${title} | µs a request | heap MB |\n| --: | --: | --: |`);
  for (const point of points) {
    point.micros = median(point.rounds.map(({ micros }) => micros));
    point.megabytes = median(point.rounds.map(({ megabytes }) => megabytes));
    console.log(`| ${point.label} | ${point.micros.toFixed(1)} | ${point.megabytes.toFixed(1)} |`);
  }
}
writeFileSync(new URL("growth.svg", import.meta.url), draw());

async function measure(point) {
  const parameters = JSON.stringify({ requests: REQUESTS, ...point });
  const script = join(project.directory, "bench/growth-point.mjs");
  const child = fork(script, [parameters], { execArgv: ["--expose-gc"] });
  const [figures] = await once(child, "message");
  child.disconnect();
  return figures;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/** Four small bar charts, each starting at 0, for light and dark pages. */
function draw() {
  const width = 220;
  const height = 200;
  const charts = panels.map(({ title, points }, index) => {
    const most = Math.max(...points.map(({ micros }) => micros));
    const step = (width - 30) / points.length;
    const bars = points.map(({ label, micros, megabytes }, position) => {
      const tall = (micros / most) * 100;
      const x = 15 + position * step;
      const middle = x + step / 2;
      return [
        `<rect x="${x + 6}" y="${150 - tall}" width="${step - 12}" height="${tall}" rx="2"/>`,
        `<text x="${middle}" y="${144 - tall}">${micros.toFixed(micros < 100 ? 1 : 0)}</text>`,
        `<text x="${middle}" y="166">${label}</text>`,
        `<text class="faint" x="${middle}" y="182">${megabytes.toFixed(1)} MB</text>`,
      ].join("\n");
    });
    return `<g transform="translate(${index * width} 0)">
<text class="title" x="${width / 2}" y="20">${title}</text>
${bars.join("\n")}
</g>`;
  });
  const all = `${width * panels.length} ${height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${all}" role="img">
<title>Microseconds a request, and heap held afterwards, as load grows in four ways</title>
<style>
text { font: 11px system-ui, sans-serif; text-anchor: middle; fill: #57606a; }
.title { font-weight: 600; font-size: 13px; }
.faint { font-size: 9px; }
rect { fill: #2f81f7; }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } }
</style>
${charts.join("\n")}
</svg>
`;
}
