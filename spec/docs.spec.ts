import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

const root = join(__dirname, "..");
const lib = join(root, "lib");

/** What an example may use without saying where it is from. */
const TAKEN_FOR_GRANTED: Readonly<Record<string, string>> = {
  Joi: 'import Joi from "joi";',
  createPostgresBackend: 'import { createPostgresBackend } from "bullmq";',
  telesignCallback: 'import { telesignCallback } from "telesign-callback";',
  notificationSchema: 'import { notificationSchema } from "telesign-callback";',
  memoryInbox: 'import { memoryInbox } from "telesign-callback";',
  verifySignature: 'import { verifySignature } from "telesign-callback";',
  bullmqInbox: 'import { bullmqInbox } from "telesign-callback/bullmq";',
  app: 'declare const app: import("express").Express;',
  callback: 'declare const callback: import("telesign-callback").TelesignCallback;',
  onMessage: "declare const onMessage: () => void;",
};

interface Example {
  readonly name: string;
  readonly code: string;
}

function examplesIn(file: string): Example[] {
  const docstrings = readFileSync(join(lib, file), "utf8").match(/\/\*\*[^]*?\*\//g) ?? [];
  return docstrings
    .map((docstring) => docstring.replace(/^ *\*\/| *\*\/$|^ *\* ?/gm, ""))
    .flatMap((text) => text.split(/^@example *$/m).slice(1))
    .map((example) => example.split(/^@\w+/m)[0] ?? "")
    .map((code, index) => ({ name: `${file}, example ${index + 1}`, code }));
}

/** An example as a module of its own, with the names that it takes for granted. */
function moduleOf({ code }: Example): string {
  const missing = Object.keys(TAKEN_FOR_GRANTED).filter(
    (name) =>
      new RegExp(`(?<![.\\w])${name}\\b(?!:)`).test(code) &&
      !new RegExp(`(import [^;]*|const |function )\\b${name}\\b`).test(code),
  );
  return [...missing.map((name) => TAKEN_FOR_GRANTED[name]), code, "export {};"].join("\n");
}

/** The compiler's complaints about modules that exist in memory only. */
function compile(modules: ReadonlyMap<string, string>): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "spec/tsconfig.json"),
    // As a user's compiler has it by default, which this project's own is stricter than.
    { noUnusedLocals: false, exactOptionalPropertyTypes: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const disk = ts.createCompilerHost(config!.options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => modules.has(file) || disk.fileExists(file),
    readFile: (file) => modules.get(file) ?? disk.readFile(file),
    getSourceFile: (file, options) => {
      const code = modules.get(file);
      if (code === undefined) return disk.getSourceFile(file, options);
      return ts.createSourceFile(file, code, options);
    },
  };
  const program = ts.createProgram([...modules.keys()], config!.options, host);
  return [...modules.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    const complaints = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return complaints.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  });
}

const files = readdirSync(lib, { recursive: true, encoding: "utf8" });
const examples = files.filter((file) => file.endsWith(".ts")).flatMap(examplesIn);

describe("the docstrings", () => {
  it("have examples", () => {
    expect(examples.map(({ name }) => name)).toContain("testing/testing.ts, example 1");
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it("have examples that compile", () => {
    // As .mts, where the awaiting needs no function around it.
    const modules = examples.map(
      (example, index) => [join(root, `spec/example-${index}.mts`), moduleOf(example)] as const,
    );
    expect(compile(new Map(modules))).toEqual([]);
  }, 60_000);

  it("have examples whose mistakes would be found", () => {
    const code = "telesignCallback({ pth: '/' });";
    const module = moduleOf({ name: "wrong", code });
    expect(compile(new Map([[join(root, "spec/wrong.mts"), module]]))).toHaveLength(1);
  }, 60_000);
});
