import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const readHere = (file) => readFileSync(new URL(file, import.meta.url), "utf8");

/** Writes a user's programs, in CommonJS and as a module, and their types; all import every entry point. */
export function writePrograms(project, entries) {
  const { commonJs, esModule, imported, modules } = sources(entries);
  const types = [readHere("consumer/types.mts"), ...imported, `export const all = ${modules};`];
  write(project, "program.cjs", [...commonJs, `void check(${modules});`]);
  write(project, "program.mjs", [...esModule, `await check(${modules});`]);
  write(project, "command-line.mjs", [readHere("consumer/command-line.mjs")]);
  for (const extension of ["ts", "mts", "cts"]) write(project, `types.${extension}`, types);
}

/** Writes the same program as a user's spec. */
export function writeSpec(project, runner, entries) {
  const { commonJs, esModule, modules } = sources(entries);
  const spec = `it("works", () => check(${modules}));`;
  if (runner === "jest") write(project, "program.spec.js", [...commonJs, spec]);
  else write(project, "program.spec.mjs", ['import { it } from "vitest";', ...esModule, spec]);
}

function sources(entries) {
  const names = ["express", ...entries];
  const check = readHere("consumer/check.mjs");
  const required = names.map((name, i) => `const module${i} = require("${name}");`);
  const imported = names.map((name, i) => `import * as module${i} from "${name}";`);
  return {
    imported,
    commonJs: [...required, check.replace("export ", "")],
    esModule: [...imported, check],
    modules: `{ ${names.map((name, i) => `"${name}": module${i}`).join(", ")} }`,
  };
}

function write(project, file, lines) {
  writeFileSync(join(project, file), lines.join("\n"));
}
