import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";

import { freePort } from "./servers.js";

/** A redis-server of some kind, which keeps no data on the disk. */
export interface RedisProcess {
  readonly port: number;
  /** Cuts every client connection, as a failing network does. Does nothing to a sentinel. */
  cut(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a standalone server. */
export async function startRedis(...args: string[]): Promise<RedisProcess> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-redis-"));
  const settings = ["--port", `${port}`, "--dir", directory, "--save", "", ...args];
  const server = spawn("redis-server", settings);
  await says(server, "Ready to accept connections");
  return {
    port,
    async cut() {
      const client = new Redis(port);
      await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await client.quit();
    },
    async close() {
      const exited = once(server, "exit");
      server.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts a Redis Cluster of one node. */
export async function startCluster(): Promise<RedisProcess> {
  const node = await startRedis("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1");
  const client = new Redis(node.port);
  await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  while (!(await client.cluster("INFO")).includes("cluster_state:ok")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await client.quit();
  return node;
}

/** Starts a sentinel that watches the master on this port under the name "spec". */
export async function startSentinel(master: number): Promise<RedisProcess> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-sentinel-"));
  const file = join(directory, "sentinel.conf");
  writeFileSync(file, `port ${port}\nsentinel monitor spec 127.0.0.1 ${master} 1\n`);
  const server = spawn("redis-server", [file, "--sentinel"]);
  await says(server, "+monitor master spec");
  return {
    port,
    cut: () => Promise.resolve(),
    async close() {
      const exited = once(server, "exit");
      server.kill("SIGKILL");
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function says(child: ChildProcess, text: string): Promise<void> {
  for await (const chunk of child.stdout!) if (String(chunk).includes(text)) return;
  throw new Error(`exited without saying "${text}"`);
}
