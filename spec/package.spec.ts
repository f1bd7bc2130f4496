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
    const declarations = readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => `dist/${path.replace(/ts$/, "d.ts")}`);
    const entries = ["index", "testing", "bullmq-inbox", "cli"].map((name) => `dist/${name}.js`);
    const isCompiled = (path: string) => /^dist\/(chunks\/|cli\/)?[a-z-]+\.js(\.map)?$/.test(path);
    expect(paths.filter((path) => !isCompiled(path)).sort()).toEqual(
      ["LICENSE", "README.md", "CHANGELOG.md", "package.json", ...declarations].sort(),
    );
    expect(paths).toEqual(expect.arrayContaining(entries));
    expect(tarball.unpackedSize).toBeLessThan(480_000);
  });

  it("is imported from a few files, as each one more takes its time to be found and read", () => {
    const program = `require(".");
      const files = Object.keys(require.cache);
      console.log(files.filter((file) => file.startsWith(process.cwd() + "/dist/")).length);`;
    const count = execFileSync(process.execPath, ["-e", program], { cwd: root, encoding: "utf8" });
    expect(Number(count)).toBeGreaterThan(0);
    expect(Number(count)).toBeLessThan(3);
  });
});
