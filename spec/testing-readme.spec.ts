import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(__dirname, "..");
const modules = join(root, "node_modules");

/** The code block of the README behind `<!-- spec: name -->`. */
async function snippet(name: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, code] =
    new RegExp(`<!-- spec: ${name} -->\\s+\`\`\`js\n([^]*?)\`\`\``).exec(readme) ?? [];
  if (code === undefined) throw new Error(`README.md has no block behind <!-- spec: ${name} -->`);
  return code;
}

/** A user's project: the built package and Express, as if npm had installed them. */
async function createProject(): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "telesign-callback-project-"));
  const installed = join(project, "node_modules/telesign-callback");
  await mkdir(installed, { recursive: true });
  await cp(join(root, "dist"), join(installed, "dist"), { recursive: true });
  await cp(join(root, "package.json"), join(installed, "package.json"));
  await writeFile(join(project, "package.json"), "{}");
  for (const name of ["express", "joi", "lru-cache", "vitest"]) {
    await symlink(join(modules, name), join(project, "node_modules", name));
  }
  return project;
}

let project: string;

beforeEach(async () => {
  project = await createProject();
});

afterEach(() => rm(project, { recursive: true }));

/** Runs a program in the project, with none of this run's own settings. */
async function run(args: string[]): Promise<string> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, args, { cwd: project, env: { PATH, HOME, CI: "true" } });
  const exit = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = (await exit) as [number];
  if (status !== 0) throw new Error(out + err);
  return out + err;
}

describe("the README's spec", () => {
  it("for Jest passes in Jest", async () => {
    await writeFile(join(project, "text.spec.js"), await snippet("jest"));
    const output = await run([join(modules, "jest/bin/jest.js"), "--rootDir", project]);
    expect(output).toMatch(/Tests: +1 passed, 1 total/);
  }, 60_000);

  it("for Vitest passes in Vitest", async () => {
    await writeFile(join(project, "text.spec.mjs"), await snippet("vitest"));
    const output = await run([join(modules, "vitest/vitest.mjs"), "run", "--root", project]);
    expect(output).toMatch(/Tests.*1 passed/);
  }, 60_000);

  it("for node:test passes in Node's own runner", async () => {
    await writeFile(join(project, "text.test.mjs"), await snippet("node"));
    const output = await run(["--test", "--test-reporter=tap", "text.test.mjs"]);
    expect(output).toMatch(/^# pass 1$/m);
  }, 60_000);

  it("would be noticed if it failed", async () => {
    const code = await snippet("node");
    await writeFile(join(project, "text.test.mjs"), code.replace('["Hi"]', '["Ho"]'));
    await expect(run(["--test", "text.test.mjs"])).rejects.toThrow(/not ok|✖/);
  }, 60_000);
});
