import { readFileSync } from "node:fs";
import { join } from "node:path";

import { BUNDLERS, writeCommonJs } from "../bundlers.mjs";
import { checkList } from "../check-list.mjs";
import { execute, versionIn } from "../packages.mjs";
import { startRedis } from "../redis.mjs";
import { http1 } from "../senders.mjs";
import { runParts } from "./parts.mjs";

const manifest = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
);
/** A durable inbox may hand over in another process, long after the request. */
const NO_CONTEXT = ["in the request's AsyncLocalStorage"];
const APPS = {
  core: { app: "express", except: [] },
  ...(manifest.exports["./sqlite"] && { sqlite: { app: "sqlite", except: NO_CONTEXT } }),
  bullmq: { app: "bullmq", except: NO_CONTEXT },
};
const FORMATS = { CommonJS: "cjs", "ES modules": "mjs" };

/** An app bundled into one file, which then runs where nothing is installed. */
export const bundlers = Object.keys(BUNDLERS).map((name) => ({
  name,
  isShort: name === "esbuild",
  async run(workshop) {
    const { dependencies, script } = BUNDLERS[name];
    const peers = manifest.peerDependencies;
    const project = await workshop.project(name, { ...peers, express: "^5.0.0", ...dependencies });
    writeCommonJs(project);
    const node = await workshop.node("24");
    const redis = await startRedis(workshop, `redis-${name}`);
    const parts = {};
    for (const [what, { app, except }] of Object.entries(APPS)) {
      for (const [format, extension] of Object.entries(FORMATS)) {
        parts[`${what}, ${format}`] = async () => {
          const folder = workshop.scratch(`${name}-${what}-${extension}`);
          const file = `server.${extension}`;
          const isModule = extension === "mjs";
          const entry = join(project, isModule ? "apps" : "apps-cjs", `${app}.${extension}`);
          const settings = { entry, folder, file, output: join(folder, file), isModule };
          await execute(node, ["-e", script(settings)], project);
          const env = {
            QUEUE: `${name}-${extension}`,
            REDIS_PORT: String(redis.port),
            SQLITE_FILE: join(folder, "inbox.db"),
          };
          const started = await workshop.startApp(node, [file], { cwd: folder, env });
          return checkList(http1(started.port), { except }).finally(() => started.end());
        };
      }
    }
    const failures = await runParts(parts).finally(() => redis.end());
    const [shown] = Object.keys(dependencies);
    return { version: versionIn(project, shown), failures };
  },
}));

/** Processes that share a port, and so must share an inbox. */
export const processes = [
  {
    name: "node:cluster, bullmqInbox",
    except: { "in the request's AsyncLocalStorage": "a durable inbox may hand over elsewhere" },
    async run(workshop) {
      const project = await workshop.project("cluster", {
        ...manifest.peerDependencies,
        express: "^5.0.0",
      });
      const redis = await startRedis(workshop, "redis-cluster");
      const log = join(workshop.scratch("cluster"), "delivered");
      const env = { QUEUE: "cluster", REDIS_PORT: String(redis.port), LOG: log };
      const program = join(project, "apps/cluster.mjs");
      const started = await workshop.startApp(process.execPath, [program], { cwd: project, env });
      try {
        const failures = await checkList(http1(started.port), { except: NO_CONTEXT });
        return { version: versionIn(project, "bullmq"), failures };
      } finally {
        await started.end();
        await redis.end();
      }
    },
  },
];
