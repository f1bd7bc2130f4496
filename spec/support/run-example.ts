import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

import { transformSync } from "@swc/core";

import documented from "../fixtures/documented.json";

const root = join(__dirname, "../..");
const body = JSON.stringify(documented);
const children: ChildProcess[] = [];

/** Ends the programs that are still running. */
export function endExamples(): void {
  for (const child of children.splice(0)) child.kill("SIGKILL");
}

/** The source of an example. */
export function exampleText(file: string): string {
  return readFileSync(join(root, "examples", file), "utf8");
}

/** Runs an example that ends by itself. */
export async function runToEnd(file: string, env: NodeJS.ProcessEnv) {
  const args = file.endsWith(".ts") ? ["-e", compiled(exampleText(file))] : [`examples/${file}`];
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
  children.push(child);
  const exited = once(child, "exit");
  const errors = await text(child.stderr);
  const [status] = (await exited) as [number | null];
  return { status, errors };
}

function compiled(source: string): string {
  const { code } = transformSync(source, {
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  return code;
}

/** Runs a program on a free port, against the built package. */
export async function runExample(source: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["-e", compiled(source)], {
    cwd: root,
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value;
  const port = /port: (\d+)/.exec(String(await nextLine()))![1];
  const url = `http://127.0.0.1:${port}`;
  const send = (headers: Record<string, string> = {}) =>
    fetch(`${url}/telesign/4f9d0c`, { method: "POST", body, headers });
  return { child, nextLine, url, send };
}
