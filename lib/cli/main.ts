import { readFile } from "node:fs/promises";

import type { Run } from "./arguments.js";
import { HELP, OVERVIEW } from "./help.js";
import type { Terminal } from "./terminal.js";

interface Command {
  /** @throws TypeError naming the argument that is wrong */
  readonly prepare: (args: string[], env: Terminal["env"]) => Run;
}

/** Each is loaded on use, since only `listen` needs Express, and only `dead-letters` an engine. */
const COMMANDS: Readonly<Record<keyof typeof HELP, () => Promise<Command>>> = {
  send: () => import("./send.js"),
  conversation: () => import("./conversation.js"),
  listen: () => import("./listen.js"),
  "dead-letters": () => import("./dead-letters.js"),
};

/** Runs a command line. Resolves to the exit status, which the manual of each command explains. */
export async function main([name, ...args]: string[], terminal: Terminal): Promise<number> {
  if (isHelp(name)) return show(OVERVIEW, terminal);
  if (name === "--version") return show(`${await version()}\n`, terminal);
  if (!isCommand(name)) {
    return refuse(name === undefined ? "expected a command" : "no such command", "", terminal);
  }
  if (args.some(isHelp)) return show(HELP[name], terminal);
  const command = await COMMANDS[name]().catch(unlessExpressIsMissing);
  if (!command) {
    terminal.err.write(`telesign-callback: ${name} needs express: npm install express\n`);
    return 1;
  }
  let run: Run;
  try {
    run = command.prepare(args, terminal.env);
  } catch (error) {
    if (error instanceof TypeError) return refuse(error.message, ` ${name}`, terminal);
    throw error;
  }
  return run(terminal);
}

/** Express is a peer dependency, so a project that only sends may not have it. */
function unlessExpressIsMissing(error: unknown): undefined {
  if (String(error).includes("Cannot find module 'express'")) return;
  throw error;
}

async function version(): Promise<string> {
  const manifest = await readFile(require.resolve("telesign-callback/package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

function isHelp(argument: string | undefined): boolean {
  return argument === "--help" || argument === "-h";
}

function isCommand(name: string | undefined): name is keyof typeof COMMANDS {
  return name !== undefined && Object.hasOwn(COMMANDS, name);
}

function show(text: string, { out }: Terminal): number {
  out.write(text);
  return 0;
}

function refuse(text: string, command: string, { err }: Terminal): number {
  const program = `telesign-callback${command}`;
  err.write(`${program}: ${text}\nTry '${program} --help'.\n`);
  return 2;
}
