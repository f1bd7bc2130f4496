import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import buildIfStale from "../../spec/support/fresh-build.mjs";
import { killChildren, signalChild, startChild } from "./children.mjs";
import { environment, install, pack } from "./packages.mjs";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const apps = fileURLToPath(new URL("apps", import.meta.url));
const SLOWEST_START = 60_000;

/** A temporary folder with the packed package, in which users' projects are installed on demand. */
export async function createWorkshop() {
  const folder = mkdtempSync(join(tmpdir(), "telesign-callback-hosts-"));
  process.once("exit", close);
  buildIfStale();
  const tarball = await pack(root, folder);
  const projects = new Map();

  /** Installs the package, a user's dependencies and the apps, once for each name. */
  function project(name, dependencies) {
    if (!projects.has(name)) projects.set(name, provide(join(folder, name), dependencies));
    return projects.get(name);
  }

  async function provide(path, dependencies) {
    await install(path, { "telesign-callback": `file:${tarball}`, ...dependencies });
    cpSync(apps, join(path, "apps"), { recursive: true });
    return path;
  }

  /** The path of a Node binary, fetched from npm. */
  async function node(version) {
    const path = join(folder, `node-${version}`);
    if (!projects.has(path)) projects.set(path, install(path, { node: version }));
    await projects.get(path);
    return join(path, "node_modules/node/bin/node");
  }

  /** A new empty folder. */
  function scratch(name) {
    const path = join(folder, `scratch-${name.replace(/\W+/g, "-")}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Starts a program, which ends with the workshop at the latest. */
  function start(program, args, { cwd, env, stdio = ["ignore", "pipe", "pipe"] } = {}) {
    const child = startChild(program, args, { cwd, env: { ...environment, ...env }, stdio });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    let output = "";
    child.on("error", (error) => (output += error.message));
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    const end = (signal = "SIGKILL") => {
      signalChild(child, signal);
      return exited;
    };
    return { child, exited, end, output: () => output };
  }

  /** Starts an app and resolves once it has printed its port, as `announce` does. */
  async function startApp(program, args, options) {
    const started = start(program, args, options);
    const port = new Promise((resolve) => {
      createInterface(started.child.stdout).on("line", (line) => {
        if (line.startsWith('{"port":')) resolve(JSON.parse(line).port);
      });
    });
    const ended = started.exited.then(() => {
      throw new Error(`it ended before it listened: ${started.output().slice(0, 1_500)}`);
    });
    try {
      return { ...started, port: await withinTime(Promise.race([port, ended])) };
    } catch (error) {
      await started.end();
      throw error;
    }
  }

  function close() {
    killChildren();
    // They may still be writing while they die.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  return { folder, tarball, project, node, scratch, start, startApp, close };
}

async function withinTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("it did not start within 60 s")), SLOWEST_START);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
