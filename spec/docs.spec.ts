import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { compile, moduleOf } from "./support/compile.js";

const root = join(__dirname, "..");
const lib = join(root, "lib");

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

const files = readdirSync(lib, { recursive: true, encoding: "utf8" });
const examples = files.filter((file) => file.endsWith(".ts")).flatMap(examplesIn);

describe("the docstrings", () => {
  it("have examples", () => {
    expect(examples.map(({ name }) => name)).toContain("testing/testing.ts, example 1");
    expect(examples.length).toBeGreaterThanOrEqual(5);
  });

  it("have examples that compile", () => {
    // As .mts, so that an example may await outside a function.
    const modules = examples.map(
      (example, index) =>
        [join(root, `spec/example-${index}.mts`), moduleOf(example.code)] as const,
    );
    expect(compile(new Map(modules))).toEqual([]);
  }, 60_000);

  it("have examples in which the compiler would find a mistake", () => {
    const code = "telesignCallback({ pth: '/' });";
    expect(compile(new Map([[join(root, "spec/wrong.mts"), moduleOf(code)]]))).toHaveLength(1);
  }, 60_000);
});
