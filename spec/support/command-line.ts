import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { main } from "../../lib/cli/main.js";
import { createReceiver, serve } from "./receivers.js";

/** An output that keeps what is written to it, and can wait for more. */
export function createOutput(isTerminal: boolean, columns?: number) {
  let written = "";
  let wake = () => {};
  return {
    isTTY: isTerminal,
    columns,
    hasColors: () => isTerminal,
    write(more: string) {
      written += more;
      wake();
    },
    // With a visible escape character, since a regular expression should not contain a real one.
    written: () => written.replaceAll("\u001b", "ESC"),
    async until(pattern: RegExp) {
      while (!pattern.test(written)) await new Promise<void>((resolve) => (wake = resolve));
      return pattern.exec(written)!;
    },
  };
}

/** The environment of a command. */
export interface RunOptions {
  isTerminal?: boolean;
  columns?: number;
  env?: Record<string, string>;
}

/** Starts a command line in this process. */
export function start(args: string[], { isTerminal = false, columns, env = {} }: RunOptions = {}) {
  const out = createOutput(isTerminal, columns);
  const err = createOutput(isTerminal);
  const interruption = new AbortController();
  const status = main(args, { out, err, env, interrupted: interruption.signal });
  return { out, err, status, interrupt: () => interruption.abort() };
}

/** Runs a command line in this process to its end. */
export async function run(args: string[], options?: RunOptions) {
  const { out, err, status } = start(args, options);
  return { status: await status, out: out.written(), err: err.written() };
}

/** The built program. */
export const BUILT = join(__dirname, "../../dist/cli/cli.js");

/** Starts the built program as users do. */
export function spawnBuilt(args: string[], env: Record<string, string> = {}, program = BUILT) {
  return spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
}

/** Runs the built program to its end. */
export async function runBuilt(args: string[], env?: Record<string, string>, program?: string) {
  const child = spawnBuilt(args, env, program);
  const exit = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = (await exit) as [number];
  return { status, out, err };
}

/** The values in lines of JSON. */
export function linesOf(out: string): unknown[] {
  return out
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

/** A receiver on a private path that answers with the given statuses in turn, then 200. */
export async function receiver(...statuses: number[]) {
  const { listener, received } = createReceiver(...statuses);
  const url = `${await serve(listener)}/telesign/4f9d0c`;
  const messages = () =>
    received.map(({ body }) => JSON.parse(body.toString()) as Record<string, string>);
  return { url, received, messages };
}
