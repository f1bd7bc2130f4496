import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "./servers.js";

/** Whether nginx is installed. With CI=true, throws if it is not. */
export function hasNginx(): boolean {
  const isThere = spawnSync("nginx", ["-v"]).status === 0;
  if (!isThere && process.env.CI === "true") throw new Error("nginx is needed with CI=true");
  if (!isThere) process.stderr.write("skipped: nginx is not there\n");
  return isThere;
}

/** Starts an nginx with its defaults in front of servers on these ports. */
export async function startNginx(...upstreams: number[]) {
  const folder = mkdtempSync(join(tmpdir(), "telesign-callback-nginx-"));
  // Its workers may run as another user.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const file = join(folder, "nginx.conf");
  writeFileSync(file, configuration(folder, port, upstreams));
  const nginx = spawn("nginx", ["-c", file, "-g", "daemon off;"]);
  await new Promise<void>((resolve, reject) => {
    nginx.stderr.on("data", (chunk: Buffer) => {
      if (chunk.includes("start worker process")) resolve();
    });
    nginx.on("exit", () => reject(new Error("nginx did not start")));
  });

  async function stop() {
    const exited = once(nginx, "exit");
    nginx.kill("SIGQUIT");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }

  return { port, stop };
}

function configuration(folder: string, port: number, upstreams: readonly number[]): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
    pid ${folder}/pid; error_log stderr notice; events {}
    http {
      access_log off;
      ${kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
      upstream app { ${upstreams.map((upstream) => `server 127.0.0.1:${upstream};`).join(" ")} }
      server { listen 127.0.0.1:${port}; location / { proxy_pass http://app; } }
    }`;
}
