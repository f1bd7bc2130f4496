import { readFileSync } from "node:fs";
import { join } from "node:path";

import { freePort } from "../../support/free-port.mjs";
import { startProxy, versionOf } from "../proxies.mjs";
import { http1 } from "../senders.mjs";
import { createLog, deliverDuring } from "../traffic-checks.mjs";

const page = new URL("../../../docs/where-it-runs.md", import.meta.url);
const NAME = "nginx, as documented: rolling restart";

/** The docs' own nginx configuration, in front of two instances that share a durable inbox. */
export const documentedNginx = [
  {
    name: NAME,
    isShort: true,
    async run(workshop) {
      const failures = await restartBoth(workshop);
      return { version: versionOf("nginx"), failures };
    },
  },
];

async function restartBoth(workshop) {
  const upstreams = [await freePort(), await freePort()];
  const folder = workshop.scratch(NAME);
  const log = createLog(folder);
  const startInstance = await instanceStarter(workshop, folder, log);
  const instances = await Promise.all(upstreams.map(startInstance));
  const port = await freePort();
  const servers = documentedServers(port, upstreams);
  const proxy = await startProxy(workshop, "nginx", { port, servers });

  async function restart() {
    for (const [index, upstream] of upstreams.entries()) {
      await instances[index].end("SIGTERM");
      instances[index] = await startInstance(upstream);
    }
  }

  try {
    const options = { perSecond: 50, mayRetry: false };
    return await deliverDuring(restart, http1(port), log, options);
  } finally {
    await Promise.all([proxy, ...instances].map((each) => each.end()));
  }
}

/** Makes the function that starts an instance on a port. Its Node is one that has `node:sqlite`. */
async function instanceStarter(workshop, folder, log) {
  const node = await workshop.node("24");
  const cwd = await workshop.project("proxies", { express: "^5.0.0" });
  const shared = { SQLITE_FILE: join(folder, "inbox.db"), LOG: log.path };
  return (port) =>
    workshop.startApp(node, ["apps/sqlite.mjs"], { cwd, env: { ...shared, PORT: String(port) } });
}

/** What the page prints, with the ports of this run, and without TLS. */
function documentedServers(port, upstreams) {
  const [, block] = /```nginx\n(.*?)```/s.exec(readFileSync(page, "utf8"));
  return block
    .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
    .replace("127.0.0.1:3000", `127.0.0.1:${upstreams[0]}`)
    .replace("127.0.0.1:3001", `127.0.0.1:${upstreams[1]}`);
}
