import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { freePort } from "../support/free-port.mjs";

/** The servers that the proofs take down. Each can `start`, `refuse`, `hang` and `resume`. */
export const ENGINES = { Redis: startRedis, PostgreSQL: startPostgres };

/** A Redis that writes to its disk before it acknowledges. */
async function startRedis() {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-faults-"));
  const port = await freePort();
  let server;

  async function start() {
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    server = spawn("redis-server", ["--port", `${port}`, "--dir", directory, ...durable]);
    await new Promise((resolve, reject) => {
      server.on("error", reject);
      server.stdout.on("data", (chunk) => `${chunk}`.includes("Ready to accept") && resolve());
    });
  }

  async function refuse() {
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }

  await start();
  return {
    connection: { host: "127.0.0.1", port },
    start,
    refuse,
    hang: () => server.kill("SIGSTOP"),
    resume: () => server.kill("SIGCONT"),
    async close() {
      await refuse();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL behind a proxy that can be cut or stalled, in a schema that is dropped at the end. */
async function startPostgres() {
  const target = new URL(process.env.TEST_POSTGRES_URL ?? "postgres://127.0.0.1:5432/test");
  target.username ||= process.env.PGUSER ?? userInfo().username;
  const schema = `faults_${process.pid}_${Date.now()}`;
  const port = await freePort();
  const sockets = new Set();
  let isHanging = false;
  let proxy;

  async function start() {
    proxy = createServer(relay).listen(port, "127.0.0.1");
    await once(proxy, "listening");
  }

  function relay(client) {
    const server = connect(Number(target.port || 5432), target.hostname);
    const pair = [client, server];
    for (const socket of pair) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        pair.forEach((end) => end.destroy());
      });
    }
    client.on("data", (chunk) => server.write(chunk));
    server.on("data", (chunk) => client.write(chunk));
    if (isHanging) pair.forEach((socket) => socket.pause());
  }

  async function refuse() {
    const closed = once(proxy, "close");
    proxy.close();
    sockets.forEach((socket) => socket.destroy());
    await closed;
  }

  function setHanging(value) {
    isHanging = value;
    sockets.forEach((socket) => (value ? socket.pause() : socket.resume()));
  }

  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  await start();
  return {
    connection: { connectionString: url.href, schema },
    start,
    refuse,
    hang: () => setHanging(true),
    resume: () => setHanging(false),
    async close() {
      await refuse();
      const pool = new pg.Pool({ connectionString: target.href });
      await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      await pool.end();
    },
  };
}
