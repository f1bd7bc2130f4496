import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** Every block of TypeScript in the README. */
const blocks = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);

describe("the README", () => {
  it("has code that compiles, each block on its own, against the built package", () => {
    mkdirSync(join(root, "coverage"), { recursive: true });
    // Inside the package, so that it finds itself by its own name, as a user's app finds it.
    const folder = mkdtempSync(join(root, "coverage/readme-"));
    try {
      blocks.forEach((code, index) => writeFileSync(join(folder, `block-${index}.mts`), code));
      const compilerOptions = {
        module: "node16",
        target: "es2022",
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: ["node", "jest"],
      };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(blocks.length).toBeGreaterThan(3);
  });

  it("documents every option of the callback", () => {
    const source = readFileSync(join(root, "lib/options.ts"), "utf8");
    const names = [...source.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(readme).toContain(`| \`${name}\``);
  });

  it("links to files that exist", () => {
    const files = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  });

  it("links to its own chapters", () => {
    const headings = [...readme.matchAll(/^##+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replace(/ /g, "-"),
    );
    for (const [, anchor] of readme.matchAll(/\]\(#([^)]+)\)/g)) expect(headings).toContain(anchor);
  });
});
