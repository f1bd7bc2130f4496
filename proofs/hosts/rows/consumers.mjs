import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { checkList, same } from "../check-list.mjs";
import { execute, versionIn } from "../packages.mjs";
import { specsOf, writePrograms } from "../programs.mjs";
import { http1 } from "../senders.mjs";
import { runParts } from "./parts.mjs";

const manifest = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
);
const entries = Object.keys(manifest.exports)
  .filter((entry) => !entry.endsWith(".json"))
  .map((entry) => entry.replace(".", manifest.name));

const EXPRESSES = ["4", "5"];
const TYPESCRIPTS = ["5.9", "6", "7"];
const compiler = (version) => `typescript-${version}`;
const RESOLUTIONS = [
  { resolution: "node16", module: "node16", files: ["types.mts", "types.cts"] },
  { resolution: "nodenext", module: "nodenext", files: ["types.mts", "types.cts"] },
  { resolution: "bundler", module: "esnext", files: ["types.ts"] },
];

/** A user's project with every peer, on one version of Express. */
export async function consumer(workshop, express) {
  const compilers = TYPESCRIPTS.map((version) => [compiler(version), `npm:typescript@${version}`]);
  const project = await workshop.project(`consumer-express-${express}`, {
    ...manifest.peerDependencies,
    express: `^${express}.0.0`,
    "@types/express": `^${express}.0.0`,
    "@types/node": "^20.0.0",
    ...Object.fromEntries(compilers),
  });
  writePrograms(project, entries);
  return project;
}

/** `sqlite` is what the program with `sqliteInbox` prints. */
function rowOfRuntime({ name, isShort, except = {}, runtime, run = [], sqlite = "delivered" }) {
  return {
    name,
    isShort,
    except,
    async run(workshop) {
      const { program, version } = await runtime(workshop);
      const parts = {};
      for (const express of EXPRESSES) {
        const cwd = await consumer(workshop, express);
        const on = (what) => `Express ${express}, ${what}`;
        const commandLine = [...run, "command-line.mjs", `node_modules/.bin/${manifest.name}`];
        parts[on("CommonJS")] = () => execute(program, [...run, "program.cjs"], cwd);
        parts[on("ES modules")] = () => execute(program, [...run, "program.mjs"], cwd);
        parts[on("command line")] = () => execute(program, commandLine, cwd);
        parts[on("the list")] = async () => {
          const app = await workshop.startApp(program, [...run, "apps/express.mjs"], { cwd });
          return checkList(http1(app.port), { except: Object.keys(except) }).finally(() =>
            app.end(),
          );
        };
      }
      parts.sqliteInbox = async () => {
        const cwd = await consumer(workshop, "5");
        same((await execute(program, [...run, "sqlite.mjs"], cwd)).trim(), sqlite);
      };
      return { version, failures: await runParts(parts, except) };
    },
  };
}

const WITHOUT_SQLITE = "Error: sqliteInbox needs node:sqlite, which Node has from version 22.13 on";

const nodes = ["20", "22", "24", "26"].map((version) =>
  rowOfRuntime({
    name: `Node ${version}`,
    isShort: version === "24",
    ...(version === "20" && { sqlite: WITHOUT_SQLITE }),
    async runtime(workshop) {
      const program = await workshop.node(version);
      const told = await execute(program, ["--version"], workshop.folder);
      return { program, version: told.trim().slice(1) };
    },
  }),
);

const others = [
  { name: "Bun", from: "bun" },
  {
    name: "Deno",
    from: "deno",
    run: ["run", "--allow-all"],
    except: {
      "command line": "Deno's child_process reports the signal sent, not the exit status",
      sqliteInbox: "Deno's Worker refuses Node's options",
    },
  },
].map(({ from, ...row }) =>
  rowOfRuntime({
    ...row,
    async runtime(workshop) {
      const project = await workshop.project(from, { [from]: "latest" });
      const program = join(project, "node_modules/.bin", from);
      return { program, version: versionIn(project, from) };
    },
  }),
);

export const runtimes = [...nodes, ...others];

export const compilers = TYPESCRIPTS.map((typescript) => ({
  name: `TypeScript ${typescript}`,
  async run(workshop) {
    const parts = {};
    let version = "";
    for (const express of EXPRESSES) {
      const project = await consumer(workshop, express);
      version = versionIn(project, compiler(typescript));
      for (const { resolution, module, files } of RESOLUTIONS) {
        const tsc = `node_modules/${compiler(typescript)}/bin/tsc`;
        const settings = ["--noEmit", "--strict", "--target", "es2022"];
        const mode = ["--module", module, "--moduleResolution", resolution];
        parts[`Express ${express}, ${resolution}`] = () =>
          execute(process.execPath, [tsc, ...settings, ...mode, ...files], project);
      }
    }
    return { version, failures: await runParts(parts) };
  },
}));

const RUNNERS = {
  jest: {
    name: "Jest",
    dependencies: { jest: "latest", "jest-environment-jsdom": "latest" },
    args: (file) => ["node_modules/jest/bin/jest.js", file],
  },
  vitest: {
    name: "Vitest",
    dependencies: { vitest: "latest", jsdom: "latest" },
    args: (file) => ["node_modules/vitest/vitest.mjs", "run", file],
  },
  "node:test": { name: "node:test", dependencies: {}, args: (file) => ["--test", file] },
};

/** What runs a user's specs with `/testing`, without configuration, on the current LTS of Node. */
export const testRunners = Object.entries(RUNNERS).map(
  ([runner, { name, dependencies, args }]) => ({
    name,
    async run(workshop) {
      const project = await workshop.project(name, { express: "^5.0.0", ...dependencies });
      const node = await workshop.node("24");
      const parts = {};
      for (const { name: what, file, text } of specsOf(runner)) {
        writeFileSync(join(project, file), text);
        parts[what] = () => execute(node, args(file), project);
      }
      const [shown] = Object.keys(dependencies);
      const told = await execute(node, ["--version"], project);
      const version = shown ? versionIn(project, shown) : told.trim().slice(1);
      return { version, failures: await runParts(parts) };
    },
  }),
);
