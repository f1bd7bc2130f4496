import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { transformSync } from "@swc/core";

import { freePort } from "../../support/free-port.mjs";
import { bodyOf, referenceOf } from "../../support/notifications.mjs";
import { PATH } from "../apps/paths.mjs";
import { same } from "../check-list.mjs";
import { isListening, startProxy, versionOf } from "../proxies.mjs";
import { runParts } from "./parts.mjs";

const example = fileURLToPath(new URL("../../../examples/graceful-shutdown.ts", import.meta.url));
const UPGRADED = "Connection: Upgrade\r\nUpgrade: websocket";
const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\n${UPGRADED}\r\n\r\n`;
/** Below 500 ms, after which the example waits no longer for other requests. */
const LONGEST = 400;
const LONGEST_IF_ONE_STAYS = 1_000;

/** The graceful-shutdown example behind an nginx that keeps its connections to it open and busy. */
export const shutdown = [
  {
    name: "nginx, keep-alive: shutdown on SIGTERM and SIGINT",
    isShort: true,
    async run(workshop) {
      const failures = await runParts({
        SIGTERM: () => endUnderLoad(workshop, "SIGTERM", LONGEST),
        SIGINT: () => endUnderLoad(workshop, "SIGINT", LONGEST),
        "a WebSocket that stays open": () =>
          endUnderLoad(workshop, "SIGTERM", LONGEST_IF_ONE_STAYS, openWebSocket),
        "the last answer on a connection": () => endDuringUpload(workshop),
      });
      return { version: versionOf("nginx"), failures };
    },
  },
];

async function endUnderLoad(workshop, signal, longest, openMore = () => {}) {
  const { app, port: upstream } = await startExample(workshop, programText());
  const told = listenTo(app);
  const port = await freePort();
  const settings = { port, upstreams: [upstream], isKeepAlive: true };
  const proxy = await startProxy(workshop, "nginx", settings);
  const traffic = startTraffic(port);
  await openMore(upstream);
  try {
    await sleep(1_500);
    const code = new Promise((resolve) => app.child.once("exit", resolve));
    void app.end(signal);
    const exit = await Promise.race([code, sleep(15_000, "it did not end within 15 s")]);
    const took = performance.now() - told.lastDone();
    const acknowledged = await traffic.stop();
    const lost = acknowledged.filter((reference) => !told.done.has(reference)).length;
    const figures = JSON.stringify({ exit, msAfterTheLast: Math.round(took), lost });
    const isSo = exit === 0 && took < longest && lost === 0 && acknowledged.length > 20;
    return isSo ? [] : [`${acknowledged.length} acknowledged: ${figures}`];
  } finally {
    await Promise.all([app.end(), proxy.end()]);
  }
}

/**
 * The package itself ends the connection with its answer, even if the app, unlike the example, does
 * not. Otherwise a proxy would keep the connection for the next delivery.
 */
async function endDuringUpload(workshop) {
  const text = programText().replace(/server\.prependListener\(.*\n/, "");
  const { app, port } = await startExample(workshop, text);
  try {
    // This delivery keeps the process alive until its listener has finished.
    await answerTo(startUpload(port, bodyOf(1)).finish());
    const uploads = [bodyOf(2), '{"a":1}'].map((body) => startUpload(port, body));
    await Promise.all(uploads.map(({ req }) => once(req, "continue")));
    void app.end("SIGTERM");
    while (await isListening(port)) await sleep(20);
    const answers = await Promise.all(uploads.map(({ finish }) => answerTo(finish())));
    const ends = answers.map(({ statusCode, headers }) => [statusCode, headers.connection]);
    same(ends, [
      [503, "close"],
      [400, "close"],
    ]);
  } finally {
    await app.end();
  }
}

/** Sends the headers of a delivery, which the server answers with 100. `finish` sends the body. */
function startUpload(port, body) {
  const headers = { Expect: "100-continue", "Content-Length": Buffer.byteLength(body) };
  const target = { host: "127.0.0.1", port, method: "POST", path: PATH, headers };
  const req = request({ ...target, agent: new Agent({ keepAlive: true }) });
  req.flushHeaders();
  return { req, finish: () => req.end(body) };
}

async function answerTo(req) {
  const [res] = await once(req, "response");
  res.resume();
  return res;
}

async function startExample(workshop, text) {
  const project = await workshop.project("proxies", { express: "^5.0.0" });
  const program = join(project, "graceful-shutdown.mjs");
  writeFileSync(program, text);
  const port = await freePort();
  const env = { PORT: String(port) };
  const app = workshop.start(process.execPath, [program], { cwd: project, env });
  while (!(await isListening(port))) await sleep(50);
  return { app, port };
}

/**
 * The example, with a slow route, so that its connections are always busy, and with WebSockets,
 * which a server neither counts nor closes.
 */
function programText() {
  const slow = 'app.get("/slow", (_req, res) => setTimeout(() => res.send("well"), 50));';
  const upgrade = `server.on("upgrade", (_req, socket) => socket.write(${JSON.stringify(SWITCHING)}));`;
  const source = readFileSync(example, "utf8")
    .replace("app.use(callback);", `$& ${slow}`)
    .replace("async function shutDown", `${upgrade} $&`);
  const jsc = { parser: { syntax: "typescript" }, target: "es2022" };
  return transformSync(source, { jsc }).code;
}

/** Opens a WebSocket that stays open for as long as the app lives. */
async function openWebSocket(port) {
  const headers = { Connection: "Upgrade", Upgrade: "websocket" };
  const [, socket] = await once(request({ host: "127.0.0.1", port, headers }).end(), "upgrade");
  socket.on("error", () => {});
}

/** What the example's listener has finished, and when it last did. */
function listenTo(app) {
  const done = new Set();
  let last = performance.now();
  createInterface(app.child.stdout).on("line", (line) => {
    if (!line.startsWith("done")) return;
    done.add(line.slice("done   ".length));
    last = performance.now();
  });
  return { done, lastDone: () => last };
}

/** Keeps sending requests, some of them TeleSign's. */
function startTraffic(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const acknowledged = [];
  let made = 0;
  let isOver = false;

  function send(method, path, body) {
    return new Promise((resolve) => {
      const headers = { "Content-Length": Buffer.byteLength(body) };
      const req = request({ host: "127.0.0.1", port, method, path, agent, headers }, (res) => {
        res.resume();
        res.on("close", () => resolve(res.statusCode));
      });
      req.on("error", resolve);
      req.end(body);
    });
  }

  async function keepBusy() {
    while (!isOver) {
      const status = await send("GET", "/slow", "");
      if (status !== 200) await sleep(50);
    }
  }

  async function keepDelivering() {
    while (!isOver) {
      made += 1;
      const number = made;
      const status = await send("POST", PATH, bodyOf(number));
      if (status === 200) acknowledged.push(referenceOf(number));
      await sleep(50);
    }
  }

  const senders = [keepBusy(), keepBusy(), keepBusy(), keepDelivering(), keepDelivering()];

  async function stop() {
    isOver = true;
    await Promise.all(senders);
    agent.destroy();
    return acknowledged;
  }

  return { stop };
}
