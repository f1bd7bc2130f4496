import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { CallbackStats } from "telesign-callback";

import manifest from "../../package.json";
import { isThere, postgresServer, redisServer } from "./servers.js";

const root = join(__dirname, "../..");
const children: ChildProcess[] = [];

/** Ends the processes that a spec has left running. */
export function endProcesses() {
  children.splice(0).forEach((child) => child.kill("SIGKILL"));
}

/** A span, as an exporter gets it. */
export interface PlainSpan {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly start: number;
}

/** What OpenTelemetry, the channels and the callback recorded in a process. */
export interface Report {
  readonly spans: readonly PlainSpan[];
  readonly metrics: readonly { readonly name: string; readonly value: number }[];
  readonly stats: CallbackStats;
  readonly published: readonly string[];
  readonly events: readonly string[];
}

/** Settings of observed-process.mjs. */
export interface ObservedSettings {
  readonly inbox?: { readonly engine: string; readonly options: object } | undefined;
  readonly consumes?: boolean;
  /** How many attempts the listener fails before it succeeds. */
  readonly failures?: number;
  readonly path?: string;
  readonly apiKey?: string;
  readonly instrumentations?: { readonly http: "by default" | "as documented" };
}

/** Starts a receiver, or with `consumes` a worker, that OpenTelemetry watches. */
export async function startObserved(settings: ObservedSettings) {
  const program = join(__dirname, "observed-process.mjs");
  const child = fork(program, [JSON.stringify(settings)], { stdio: "pipe" });
  children.push(child);
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => output.push(String(chunk)));
  }
  const messages: Record<string, unknown>[] = [];
  child.on("message", (message: Record<string, unknown>) => messages.push(message));

  async function message(isIt: (message: Record<string, unknown>) => boolean) {
    for (;;) {
      const found = messages.find(isIt);
      if (found) return found;
      if (child.exitCode !== null) throw new Error(`exited: ${output.join("")}`);
      await Promise.race([once(child, "message"), once(child, "exit")]);
    }
  }

  const { port } = await message((message) => "port" in message);
  return {
    url: `http://127.0.0.1:${String(port)}`,
    /** Resolves when a hand-over has ended with this outcome. */
    handedOver: (outcome: string) => message((message) => message.outcome === outcome),
    /** Closes the callback. Resolves to what was recorded. */
    async end() {
      child.send("end");
      const report = (await message((message) => "spans" in message)) as unknown as Report;
      return { ...report, output: output.join("") };
    },
  };
}

/** Starts a program of examples/observability on free ports. `end` resolves to what it printed. */
export function startExample(file: string) {
  const env = { ...process.env, PORT: "0", METRICS_PORT: "0" };
  const child = spawn(process.execPath, [join(root, "examples/observability", file)], { env });
  children.push(child);
  const lines: string[] = [];
  const reader = createInterface(child.stdout);
  reader.on("line", (line) => lines.push(line));

  async function urls(count: number) {
    const found = () => lines.flatMap((line) => /port: (\d+)/.exec(line)?.[1] ?? []);
    while (found().length < count) await once(reader, "line");
    return found().map((port) => `http://127.0.0.1:${port}`);
  }

  async function end() {
    const ended = once(reader, "close");
    child.kill("SIGTERM");
    await ended;
    return lines.join("\n");
  }

  return { urls, end };
}

/** The durable inboxes, each on its own engine. */
export const DURABLE_ENGINES = {
  Redis: () => onServer("Redis", redisServer()),
  PostgreSQL: () => onServer("PostgreSQL", postgresServer()),
  SQLite: onFile,
};

/** Whether the engine is installed or, for SQLite, part of the package and of this Node. */
export function isEngineThere(engine: keyof typeof DURABLE_ENGINES): boolean {
  if (engine !== "SQLite") return isThere(engine);
  return "./sqlite" in manifest.exports && process.getBuiltinModule("node:sqlite") !== undefined;
}

async function onServer(engine: string, server: ReturnType<typeof redisServer>) {
  await server.start();
  const { connection } = server.options();
  return { inbox: { engine, options: { connection, queueName: "spec" } }, close: server.close };
}

function onFile() {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-observed-"));
  const options = { file: join(directory, "inbox.db") };
  const close = () => Promise.resolve(rmSync(directory, { recursive: true, force: true }));
  return Promise.resolve({ inbox: { engine: "SQLite", options }, close });
}

/** The traces that begin with a callback, each as the lines of a tree. */
export function tracesOf(reports: Readonly<Record<string, Report>>): string[][] {
  const all = Object.entries(reports)
    .flatMap(([process, { spans }]) => spans.map((span) => ({ ...span, process })))
    .sort((a, b) => a.start - b.start);

  function treeOf({ process, name, attributes, spanId }: (typeof all)[number]): string[] {
    const { "telesign.outcome": outcome = "" } = attributes;
    const below = all.filter(({ parentId }) => parentId === spanId).flatMap(treeOf);
    return [`${process}: ${name} ${String(outcome)}`.trim(), ...below.map((line) => `  ${line}`)];
  }

  return all
    .filter(({ name, parentId }) => name === "telesign-callback request" && !parentId)
    .map(treeOf);
}
