import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import manifest from "../package.json";
import { prepare as prepareConversation } from "../lib/cli/conversation.js";
import { prepare as prepareDeadLetters } from "../lib/cli/dead-letters.js";
import { HELP } from "../lib/cli/help.js";
import { prepare as prepareListen } from "../lib/cli/listen.js";
import { prepare as prepareSend } from "../lib/cli/send.js";
import { compile, moduleOf } from "./support/compile.js";
import {
  anchorsOf,
  blocks,
  commandsIn,
  documentsIn,
  linksOf,
  proseOf,
  wordsOf,
} from "./support/documents.js";

const root = join(__dirname, "..");
const documents = documentsIn(".", "docs");
const readme = documents.find(({ file }) => file === "README.md")!;

const inLanguage = (...languages: readonly string[]) =>
  blocks.filter(({ language }) => languages.includes(language));

/** Code that another spec runs is not compiled: it is JavaScript for a test runner. */
const code = inLanguage("ts", "js").filter(({ spec }) => spec === undefined);
const shell = inLanguage("sh", "console");
/** Settings of other programs, which nothing here can check. */
const SETTINGS = ["nginx", "yaml", "text"];

/** Checks the arguments of a program in a shell block. Throws if they are wrong. */
const PROGRAMS: Readonly<Record<string, (args: string[]) => unknown>> = {
  npx: ([name, command = "", ...args]) => {
    if (name === "telesign-callback") PREPARE[command]!(args, {});
  },
  npm: ([command, script = "start"]) => {
    if (command === "run") expect(Object.keys(manifest.scripts)).toContain(script);
    else expect(["ci", "cit", "install", "init", "start", "test"]).toContain(command);
  },
  node: ([file = ""]) => {
    // The reader has just saved server.mjs.
    if (file !== "server.mjs") expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  },
  openssl: ([command]) => expect(command).toBe("rand"),
};

const PREPARE: Readonly<Record<string, (args: string[], env: Record<string, string>) => unknown>> =
  {
    send: prepareSend,
    conversation: prepareConversation,
    listen: prepareListen,
    "dead-letters": prepareDeadLetters,
  };

function check(command: string): void {
  for (const part of command.split(" && ")) {
    const words = wordsOf(part);
    // Environment variables come before the program.
    const start = words.findIndex((word) => !/^\w+=/.test(word));
    const [program = "", ...args] = words.slice(start);
    expect(Object.keys(PROGRAMS)).toContain(program);
    PROGRAMS[program]!(args);
  }
}

describe("a code block in the README or in docs/", () => {
  it("compiles on its own, against the built package, if it is TypeScript or JavaScript", () => {
    const modules = code.map(
      (block, index) => [join(root, `spec/block-${index}.mts`), moduleOf(block.code)] as const,
    );
    expect(code.length).toBeGreaterThanOrEqual(5);
    expect(compile(new Map(modules), { paths: {} })).toEqual([]);
  }, 60_000);

  it.each(shell.flatMap((block) => commandsIn(block).map((command) => [block.name, command])))(
    "has commands that the programs accept: %s, %s",
    (_name, command) => check(command),
  );

  it("fails its spec if a command has a wrong flag", () => {
    expect(() => check("npx telesign-callback send --txt Hi http://127.0.0.1/")).toThrow("--txt");
    expect(() => check("npm run nothing")).toThrow();
  });

  it("parses if it is JSON", () => {
    for (const block of inLanguage("json")) JSON.parse(block.code);
  });

  it("names a known language", () => {
    const known = [...code, ...shell, ...inLanguage("json", ...SETTINGS)];
    const others = blocks.filter((block) => block.spec === undefined && !known.includes(block));
    expect(others.map(({ name }) => name)).toEqual([]);
  });
});

describe("the README", () => {
  it("can be read in ten minutes", () => {
    expect(readme.text.trimEnd().split("\n").length).toBeLessThanOrEqual(220);
    expect(readme.text.split(/\s+/).length).toBeLessThanOrEqual(1_600);
  });

  it("documents every option of the callback", () => {
    const source = readFileSync(join(root, "lib/options.ts"), "utf8");
    const names = [...source.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(readme.text).toContain(`- **\`${name}\`**`);
  });

  it("names every error code", () => {
    const source = readFileSync(join(root, "lib/errors.ts"), "utf8");
    for (const code of new Set(source.match(/\bERR_\w+/g))) expect(readme.text).toContain(code);
  });
});

describe("docs/", () => {
  it.each(documents.filter(({ file }) => file.startsWith("docs/")))(
    "$file has fewer than 200 lines",
    ({ text }) => expect(text.split("\n").length).toBeLessThanOrEqual(200),
  );

  it("documents every command of the command line", () => {
    const { text } = documents.find(({ file }) => file === "docs/command-line.md")!;
    for (const command of Object.keys(HELP)) expect(text).toContain(`\n## ${command}\n`);
  });
});

describe("CONTRIBUTING.md", () => {
  const { text } = documents.find(({ file }) => file === "CONTRIBUTING.md")!;

  it("explains every script of package.json, of which there are at most twelve", () => {
    const scripts = Object.keys(manifest.scripts);
    expect(scripts.length).toBeLessThanOrEqual(12);
    for (const script of scripts) expect(text).toMatch(new RegExp(`\\| .npm (run )?${script}\\b`));
  });

  it("gives a reason for every pin and override of package.json", () => {
    const pins = Object.entries(manifest.devDependencies).filter(
      ([, range]) => !range.startsWith("^"),
    );
    for (const [name] of [...pins, ...Object.entries(manifest.overrides)]) {
      expect(text).toContain(`**\`${name}\`**`);
    }
  });
});

describe.each(documents)("$file", (document) => {
  it("links to files and chapters that exist", () => {
    for (const { path, anchor } of linksOf(document)) {
      const file = path === "" ? document.file : join(document.file, "..", path);
      expect([file, existsSync(join(root, file))]).toEqual([file, true]);
      const target = documents.find((other) => other.file === file);
      if (anchor !== undefined) expect(target && anchorsOf(target)).toContain(anchor);
    }
  });

  // Prettier pads every row to the longest cell. Aim for at most 60 characters.
  it("has tables that are readable in a diff", () => {
    const rows = proseOf(document).match(/^\|.*\|$/gm) ?? [];
    const cells = rows.flatMap((row) => row.split("|").map((cell) => cell.trim()));
    expect(cells.filter((cell) => !/^[-:]*$/.test(cell) && cell.length > 72)).toEqual([]);
  });
});
