// How long importing takes: `npm run bench:startup`. Each import in a process of its own, interleaved.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { packedProject } from "./packed.mjs";

const ROUNDS = 11;
const imports = {
  "express and joi": ["express", "joi"],
  "the package with them": ["express", "joi", "telesign-callback"],
};

const project = packedProject();
const times = Object.fromEntries(Object.keys(imports).map((name) => [name, []]));
try {
  for (const [name, modules] of Object.entries(imports)) {
    const requires = modules.map((module) => `require("${module}");`).join("");
    const timed = `const t = performance.now(); ${requires} console.log(performance.now() - t);`;
    writeFileSync(script(name), timed);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of Object.keys(imports)) {
      const { stdout } = spawnSync(process.execPath, [script(name)], { encoding: "utf8" });
      times[name].push(Number(stdout));
    }
  }
} finally {
  project.remove();
}
const pairs = times["the package with them"].map(
  (ms, round) => ms - times["express and joi"][round],
);
for (const [name, figures] of Object.entries(times)) console.log(`${name}: ${median(figures)} ms`);
console.log(`more for the package, within the round: ${median(pairs)} ms`);

function script(name) {
  return join(project.directory, `${name.replaceAll(" ", "-")}.cjs`);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)].toFixed(1);
}
