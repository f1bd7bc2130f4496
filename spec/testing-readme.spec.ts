import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { blocks } from "./support/documents.js";

const root = join(__dirname, "..");
const modules = join(root, "node_modules");

/** The code block after `<!-- spec: name -->` in the README or in docs/. */
function snippet(name: string): string {
  const block = blocks.find(({ spec }) => spec === name);
  if (!block) throw new Error(`no document has a code block after <!-- spec: ${name} -->`);
  return block.code;
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

/** Runs a spec of the documents in its test runner. */
const RUNNERS = {
  jest: async (code: string) => {
    await writeFile(join(project, "text.spec.js"), code);
    expect(await run([join(modules, "jest/bin/jest.js"), "--rootDir", project])).toMatch(
      /Tests: +1 passed, 1 total/,
    );
  },
  vitest: async (code: string) => {
    await writeFile(join(project, "text.spec.mjs"), code);
    const output = await run([join(modules, "vitest/vitest.mjs"), "run", "--root", project]);
    expect(output).toMatch(/Tests.*1 passed/);
  },
  node: async (code: string) => {
    await writeFile(join(project, "text.test.mjs"), code);
    const output = await run(["--test", "--test-reporter=tap", "text.test.mjs"]);
    expect(output).toMatch(/^# pass 1$/m);
  },
};

/** The specs in the documents, each with its test runner. */
const SPECS = {
  jest: RUNNERS.jest,
  "fake-timers": RUNNERS.jest,
  vitest: RUNNERS.vitest,
  node: RUNNERS.node,
};

describe("a spec in the README or in docs/", () => {
  it.each(Object.entries(SPECS))(
    "passes in its test runner: %s",
    (name, passes) => passes(snippet(name)),
    60_000,
  );

  it("is run here, without exception", () => {
    const names = blocks.flatMap(({ spec }) => spec ?? []);
    expect(names.sort()).toEqual(Object.keys(SPECS).sort());
  });

  it("fails here if it would fail for a reader", async () => {
    await writeFile(join(project, "text.test.mjs"), snippet("node").replace('["Hi"]', '["Ho"]'));
    await expect(run(["--test", "text.test.mjs"])).rejects.toThrow(/not ok|✖/);
  }, 60_000);
});
