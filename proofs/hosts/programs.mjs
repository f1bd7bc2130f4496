import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const readHere = (file) => readFileSync(new URL(file, import.meta.url), "utf8");

/** Writes a user's programs, in CommonJS, as ES modules and in TypeScript. */
export function writePrograms(project, entries) {
  const { commonJs, esModule, imported, modules } = sources(entries);
  const types = [readHere("consumer/types.mts"), ...imported, `export const all = ${modules};`];
  write(project, "program.cjs", [...commonJs, `void check(${modules});`]);
  write(project, "program.mjs", [...esModule, `await check(${modules});`]);
  for (const file of ["command-line.mjs", "sqlite.mjs"]) {
    write(project, file, [readHere(`consumer/${file}`)]);
  }
  for (const extension of ["ts", "mts", "cts"]) write(project, `types.${extension}`, types);
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

/**
 * A user's specs for a test runner, one for each environment that the runner has: the name, file
 * and text of each.
 */
export function specsOf(runner) {
  const names = {
    express: "express",
    main: "telesign-callback",
    testing: "telesign-callback/testing",
  };
  const isCommonJs = runner === "jest";
  const loads = Object.entries({ ...names, http: "node:http" }).map(([name, from]) =>
    isCommonJs ? `const ${name} = require("${from}");` : `import * as ${name} from "${from}";`,
  );
  const given = "{ express: express.default ?? express, main, testing, get: http.get }";
  const userSpec = readHere("consumer/user-spec.mjs");
  const body = [...loads, isCommonJs ? userSpec.replace("export ", "") : userSpec];
  const test = `it("receives a text", () => receivesAText(${given}));`;
  return Object.entries(SETTINGS[runner]).map(([name, { head = "", before = "" }]) => ({
    name,
    file: `${name.replace(/\W+/g, "-")}.spec.${isCommonJs ? "js" : "mjs"}`,
    text: [head, IMPORTS[runner], ...body, before, test].join("\n"),
  }));
}

const IMPORTS = {
  jest: "",
  vitest: 'import { beforeEach, it, vi } from "vitest";',
  "node:test": 'import { beforeEach, it, mock } from "node:test";',
};

const SETTINGS = {
  jest: {
    node: {},
    jsdom: { head: "/** @jest-environment jsdom */" },
    "fake timers": { before: "beforeEach(() => jest.useFakeTimers());" },
  },
  vitest: {
    node: {},
    jsdom: { head: "// @vitest-environment jsdom" },
    "fake timers": { before: "beforeEach(() => vi.useFakeTimers());" },
  },
  "node:test": {
    node: {},
    "fake timers": { before: "beforeEach(() => mock.timers.enable());" },
  },
};

function write(project, file, lines) {
  writeFileSync(join(project, file), lines.join("\n"));
}
