import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { MessageNotification } from "telesign-callback";

const isThere = isBuiltin("node:sqlite");
const isOld = Number(process.versions.node.split(".")[0]) < 22;
if (!isThere && !isOld && process.env.CI === "true") {
  throw new Error("node:sqlite is needed with CI=true");
}
if (!isThere) process.stderr.write("skipped: this Node has no node:sqlite\n");

/** `describe` for specs that need node:sqlite. They are skipped if Node does not have it. */
export const describeWithSqlite = isThere ? describe : describe.skip;

const directories: string[] = [];
const children: ChildProcess[] = [];

/** The path of a file that is not there yet, in a directory that is removed at the end. */
export function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-sqlite-"));
  directories.push(directory);
  return join(directory, "inbox.db");
}

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** Opens a database directly, without an inbox. */
export function openDatabase(file: string) {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  return new DatabaseSync(file);
}

/** How many rows a table has, once the inbox is closed. */
export function countRows(file: string, table: string): unknown {
  const database = openDatabase(file);
  const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
  database.close();
  return row?.count;
}

/** Runs a statement in another process, as another program would, and returns its rows. */
export function runElsewhere(file: string, sql: string): unknown {
  const script = `
    const database = new (process.getBuiltinModule("node:sqlite").DatabaseSync)(process.argv[1]);
    database.exec("PRAGMA busy_timeout = 5000");
    console.log(JSON.stringify(database.prepare(process.argv[2]).all()));
    database.close();
  `;
  const options = ["--disable-warning=ExperimentalWarning", "-e", script];
  return JSON.parse(execFileSync(process.execPath, [...options, file, sql], { encoding: "utf8" }));
}

/** A line that a process printed. */
export type Line = Readonly<Record<string, unknown>>;

/** A process whose lines of JSON can be awaited. */
export interface Program {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly lines: Line[];
  /** The first line that matches, whether it was printed already or comes later. */
  said(isWanted: (line: Line) => boolean): Promise<Line>;
  /** Sends a signal, and resolves when the process has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a process that prints lines of JSON. */
export function startProgram(command: string, args: readonly string[]): Program {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines: Line[] = [];
  let wake = () => {};
  createInterface(child.stdout).on("line", (line) => {
    lines.push(JSON.parse(line));
    wake();
  });

  async function said(isWanted: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const line = lines.find(isWanted);
      if (line) return line;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  async function end(signal: NodeJS.Signals) {
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  return { child, lines, said, end };
}

/** Holds the write lock of a file in another process. Resolves to the function that releases it. */
export async function lock(file: string): Promise<() => Promise<void>> {
  const script = `
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const database = new DatabaseSync(${JSON.stringify(file)});
    database.exec("BEGIN IMMEDIATE");
    console.log(JSON.stringify({ isLocked: true }));
    process.stdin.on("end", () => database.close()).resume();
  `;
  const options = ["--disable-warning=ExperimentalWarning", "-e", script];
  const { child, said } = startProgram(process.execPath, options);
  await said(({ isLocked }) => isLocked === true);
  return async function unlock() {
    const exited = once(child, "exit");
    child.stdin?.end();
    await exited;
  };
}

const RECEIVER = join(__dirname, "../fixtures/sqlite-receiver.js");

/** How a receiver is started. */
export interface ReceiverSettings {
  readonly options: { readonly file: string; readonly lockDuration?: number };
  /** How long its listener works, in ms; an endless one never settles. */
  readonly work: number | "endless";
  readonly isConsumer?: boolean;
  /** A command that starts the receiver, such as one that limits its resources. */
  readonly command?: readonly string[];
}

/** Starts a process of the built package that receives, and hands over to its listener. */
export async function startReceiver({ command = [], ...settings }: ReceiverSettings) {
  const [first, ...args] = [...command, process.execPath, RECEIVER, JSON.stringify(settings)];
  const program = startProgram(first, args);
  const { port } = await program.said((line) => "port" in line);

  /** Resolves to whether the message was acknowledged: false also if the receiver is dead. */
  async function deliver(message: MessageNotification): Promise<boolean> {
    try {
      const body = JSON.stringify(message);
      const response = await fetch(`http://127.0.0.1:${Number(port)}/`, { method: "POST", body });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  return { ...program, deliver };
}
