import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { documentsIn, linksOf } from "./support/documents.js";

const root = join(__dirname, "..");

interface Tarball {
  readonly files: readonly { readonly path: string }[];
  readonly size: number;
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
}

describe("the package that users install", () => {
  const command = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [tarball] = JSON.parse(
    execFileSync("npm", command, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as [Tarball];
  const paths = tarball.files.map(({ path }) => path);

  it("holds the compiled lib, one declaration file for each entry point, and what users read", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
    const declarations = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === "string" ? [] : [entry.types.replace("./", "")],
    );
    // Users read these. Pages about how the package works are in the repository only.
    const guides = readdirSync(join(root, "docs")).filter(
      (file) =>
        !["design.md", "design-durable.md", "hosts-proof.md", "performance.md"].includes(file),
    );
    const isCompiled = (path: string) => /^dist\/([a-z]+\/)*[a-z-]+\.js$/.test(path);
    expect(paths.filter((path) => !isCompiled(path)).sort()).toEqual(
      [
        "LICENSE",
        "README.md",
        "package.json",
        ...declarations,
        ...guides.map((file) => `docs/${file}`),
      ].sort(),
    );
    expect(tarball.size).toBeLessThan(100_000);
  });

  it("links to no file that it does not hold, except for the picture in the README", () => {
    const links = documentsIn(".", "docs")
      .filter(({ file }) => paths.includes(file))
      .flatMap((document) =>
        linksOf(document).map(({ path }) => join(document.file, path && "..", path)),
      );
    expect(links.filter((link) => !paths.includes(link))).toEqual([
      "examples/conversations/screenshot.png",
    ]);
  });
});
