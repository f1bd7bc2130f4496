import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

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

/** Runs a program on a free port, against the built package. */
export async function runExample(source: string, env: NodeJS.ProcessEnv = {}) {
  const { code } = transformSync(source, {
    jsc: { parser: { syntax: "typescript" }, target: "es2022" },
    module: { type: "commonjs" },
  });
  const child = spawn(process.execPath, ["-e", code], {
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
