// Takes the packed package to every place where it is promised to work, and shows a table. Run it
// with `npm run proof hosts`; the exit status is the verdict. Everything else comes from npm.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { execute, install, pack, versionIn } from "./packages.mjs";
import { writePrograms, writeSpec } from "./programs.mjs";

const NODES = ["20", "22", "24", "26"];
const EXPRESSES = ["4", "5"];
const TYPESCRIPTS = ["5.9", "6", "7"];
const RESOLUTIONS = [
  { resolution: "node16", module: "node16", files: ["types.mts", "types.cts"] },
  { resolution: "nodenext", module: "nodenext", files: ["types.mts", "types.cts"] },
  { resolution: "bundler", module: "esnext", files: ["types.ts"] },
];
const JEST = { name: "jest", version: "30", args: ["node_modules/jest/bin/jest.js"] };
const vitest = (version) => ({
  name: "vitest",
  version,
  args: ["node_modules/vitest/vitest.mjs", "run"],
});
const RUNNERS = [JEST, vitest("4"), vitest("5")];
// Vitest 5 needs Node 22.
const runnersOn = (node) => [JEST, vitest(node === "20" ? "4" : "5")];
const AT_ONCE = 2;

const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries = Object.keys(manifest.exports)
  .filter((entry) => !entry.endsWith(".json"))
  .map((entry) => entry.replace(".", manifest.name));

const folder = mkdtempSync(join(tmpdir(), "telesign-callback-matrix-"));
const nodeFolder = (node) => join(folder, `node-${node}`);
const userFolder = (express) => join(folder, `express-${express}`);
const runnerFolder = (express, { name, version }) =>
  join(userFolder(express), `${name}-${version}`);

/** Why a folder could not be provided for. */
const missing = new Map();

async function provide(project, dependencies) {
  const [[name, version], ...others] = Object.entries(dependencies);
  const what = `${name}@${version}${others.length > 0 ? `, and ${others.length} more` : ""}`;
  try {
    await install(project, dependencies);
    console.log(`installed      ${what}`);
  } catch (error) {
    missing.set(project, error);
    console.log(`NOT INSTALLED  ${what}\n${error.message}`);
  }
}

/** A user's project: the tarball, its peers, and every TypeScript; the test runners below it. */
async function provideUser(express, tarball) {
  const compilers = TYPESCRIPTS.map((version) => [compiler(version), `npm:typescript@${version}`]);
  await provide(userFolder(express), {
    express: `^${express}.0.0`,
    "@types/express": `^${express}.0.0`,
    "@types/node": "^20.0.0",
    [manifest.name]: `file:${tarball}`,
    ...optionalPeers(),
    ...Object.fromEntries(compilers),
  });
  writePrograms(userFolder(express), entries);
  for (const runner of RUNNERS) {
    const project = runnerFolder(express, runner);
    await provide(project, { [runner.name]: `^${runner.version}.0.0` });
    writeSpec(project, runner.name, entries);
  }
}

function compiler(version) {
  return `typescript-${version}`;
}

/** What the entry points besides the main one need. */
function optionalPeers() {
  const peers = Object.entries(manifest.peerDependencies);
  return Object.fromEntries(peers.filter(([name]) => name !== "express"));
}

/** Everything to be tried with one Express: the row, what it needs, and how to try it. */
function* cells(express) {
  const user = userFolder(express);
  for (const node of NODES) {
    const on = (what, args, cwd = user) => ({
      row: `Node ${node}, ${what}`,
      express,
      needs: [nodeFolder(node), user, cwd],
      attempt: () => execute(join(nodeFolder(node), "node_modules/node/bin/node"), args, cwd),
    });
    yield on("CommonJS", ["program.cjs"]);
    yield on("ES modules", ["program.mjs"]);
    yield on("command line", ["command-line.mjs", `node_modules/.bin/${manifest.name}`]);
    for (const runner of runnersOn(node)) {
      const name = `${runner.name} ${runner.version}`;
      yield on(`a user's own ${name}`, runner.args, runnerFolder(express, runner));
    }
  }
  for (const version of TYPESCRIPTS) {
    for (const { resolution, module, files } of RESOLUTIONS) {
      const tsc = `node_modules/${compiler(version)}/bin/tsc`;
      const settings = ["--noEmit", "--strict", "--target", "es2022"];
      const mode = ["--module", module, "--moduleResolution", resolution];
      yield {
        row: `TypeScript ${version}, ${resolution}`,
        express,
        needs: [user],
        attempt: () => execute(process.execPath, [tsc, ...settings, ...mode, ...files], user),
      };
    }
  }
}

/** Tries one, and resolves to whether it works. */
async function judge({ row, express, needs, attempt }) {
  const start = Date.now();
  try {
    for (const project of needs) if (missing.has(project)) throw missing.get(project);
    await attempt();
    console.log(`ok      ${row}, Express ${express} (${seconds(start)})`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${row}, Express ${express} (${seconds(start)})\n${error.message}`);
    return false;
  }
}

/** Does all of the work, a few at a time, and resolves to the results. */
async function inTurn(works) {
  const results = [];
  const left = works.entries();
  const worker = async () => {
    for (const [index, work] of left) results[index] = await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function seconds(start) {
  return `${Math.round((Date.now() - start) / 1_000)} s`;
}

function showTable(tried) {
  const rows = [...new Set(tried.map(({ row }) => row))];
  const width = Math.max(...rows.map(({ length }) => length));
  console.log(`\n| ${"".padEnd(width)} | Express 4 | Express 5 |`);
  console.log(`| ${"-".repeat(width)} | --------- | --------- |`);
  for (const row of rows) {
    const marks = EXPRESSES.map((express) => {
      const cell = tried.find((each) => each.row === row && each.express === express);
      return (cell.works ? "ok" : "FAILED").padEnd(9);
    });
    console.log(`| ${row.padEnd(width)} | ${marks.join(" | ")} |`);
  }
}

function showVersions() {
  const versions = [
    ...NODES.map((node) => ["node", nodeFolder(node)]),
    ...EXPRESSES.map((express) => ["express", userFolder(express)]),
    ...TYPESCRIPTS.map((version) => [compiler(version), userFolder("5")]),
    ...RUNNERS.map((runner) => [runner.name, runnerFolder("5", runner)]),
  ];
  const known = versions.filter(([, project]) => !missing.has(project));
  const list = known.map(([name, project]) => `${name} ${versionIn(project, name)}`).join(", ");
  console.log(`\n${entries.join(", ")}\nwith ${list}`);
}

const started = Date.now();
try {
  const tarball = await pack(root, folder);
  await inTurn([
    ...EXPRESSES.map((express) => () => provideUser(express, tarball)),
    ...NODES.map((node) => () => provide(nodeFolder(node), { node })),
  ]);
  const all = EXPRESSES.flatMap((express) => [...cells(express)]);
  const results = await inTurn(all.map((cell) => () => judge(cell)));
  const tried = all.map((cell, index) => ({ ...cell, works: results[index] }));
  const good = tried.filter(({ works }) => works).length;
  showTable(tried);
  showVersions();
  console.log(`matrix: ${good} of ${tried.length} ok, in ${seconds(started)}`);
  process.exitCode = good === tried.length ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
