// Measures how long importing the package takes, beyond express and joi, each time in a new
// process.
//
//   npm run bench startup -- [--rounds 41]
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { packedProject } from "../proofs/support/packed.mjs";

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "41" } } });
const ROUNDS = Number(options.rounds);
const imports = {
  "lru-cache, and a schema of six texts": `require("lru-cache");
    const text = Joi.string().required();
    const reference = text.pattern(/^[A-Za-z0-9]{32}$/);
    const number = text.pattern(/^[0-9]{1,15}$/);
    const time = text.custom((value) => value);
    Joi.object({ a: time, b: number, c: text.allow(""), d: reference, e: reference, f: number })
      .unknown(true).required();`,
  "the package": 'require("telesign-callback");',
};
const names = Object.keys(imports);

const project = packedProject();
const before = [];
const more = Object.fromEntries(names.map((name) => [name, []]));
try {
  for (const name of names) writeFileSync(script(name), timed(imports[name]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const { stdout } = spawnSync(process.execPath, [script(name)], { encoding: "utf8" });
      const [floor, milliseconds] = JSON.parse(stdout);
      before.push(floor);
      more[name].push(milliseconds);
    }
  }
} finally {
  project.remove();
}
console.log(`express and joi: ${quartiles(before)} ms`);
for (const name of names) console.log(`${name}: ${quartiles(more[name])} ms more`);

/** A script that prints how long express and joi took to load, and how long `source` took. */
function timed(source) {
  return `const start = performance.now();
    require("express"); const Joi = require("joi");
    const middle = performance.now();
    ${source}
    const end = performance.now();
    console.log(JSON.stringify([middle - start, end - middle]));`;
}

function script(name) {
  return join(project.directory, `import-${names.indexOf(name)}.cjs`);
}

/** The median, and the first and third quartiles in brackets. */
function quartiles(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.floor(share * sorted.length)].toFixed(1);
  return `${at(0.5)} (${at(0.25)}–${at(0.75)})`;
}
