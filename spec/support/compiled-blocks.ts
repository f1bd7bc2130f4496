import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(__dirname, "../..");

/** A document of the repository: its text, and its blocks of TypeScript. */
export function readDocument(file: string) {
  const text = readFileSync(join(root, file), "utf8");
  const blocks = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
  return { text, blocks };
}

/** Compiles each block on its own, against the built package. Throws if one does not compile. */
export function compileBlocks(blocks: readonly string[]): void {
  mkdirSync(join(root, "coverage"), { recursive: true });
  // In a folder of the package, so that its own name resolves, as it does in a user's app.
  const folder = mkdtempSync(join(root, "coverage/blocks-"));
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
}

/** The links of a document to files that do not exist. */
export function brokenLinks(file: string): string[] {
  const links = [...readDocument(file).text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)];
  return links
    .map(([, link = ""]) => link)
    .filter((link) => !existsSync(join(root, dirname(file), link)));
}
