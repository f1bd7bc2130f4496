import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..");

interface Tarball {
  readonly files: readonly { readonly path: string }[];
  readonly unpackedSize: number;
}

describe("the package that users install", () => {
  it("holds the compiled lib, its types, and what belongs to it, and nothing else", () => {
    const command = ["pack", "--dry-run", "--json", "--ignore-scripts"];
    const [tarball] = JSON.parse(
      execFileSync("npm", command, {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as [Tarball];
    const paths = tarball.files.map(({ path }) => path);
    const modules = readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => path.slice(0, -".ts".length));
    const compiled = modules.flatMap((name) =>
      [".js", ".js.map", ".d.ts"].map((extension) => `dist/${name}${extension}`),
    );
    const expected = ["LICENSE", "README.md", "CHANGELOG.md", "package.json", ...compiled];
    expect(paths.filter((path) => !path.startsWith("dist/")).sort()).toEqual(
      expected.filter((path) => !path.startsWith("dist/")).sort(),
    );
    expect(paths).toEqual(expect.arrayContaining(compiled));
    expect(paths.filter((path) => path.startsWith("dist/")).length).toBe(compiled.length);
    expect(tarball.unpackedSize).toBeLessThan(520_000);
  });
});
