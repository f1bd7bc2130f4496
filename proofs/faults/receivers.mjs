import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const RECEIVER = fileURLToPath(new URL("receiver.mjs", import.meta.url));

/** Starts a receiver; resolves when it listens. `errors` holds what its `error` event reported. */
export async function startReceiver(settings) {
  const child = spawn(process.execPath, [RECEIVER, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const errors = [];
  await new Promise((resolve, reject) => {
    child.on("exit", () => reject(new Error("a receiver ended before it listened")));
    createInterface(child.stdout).on("line", (line) => {
      const said = JSON.parse(line);
      if (said.listening) resolve();
      else errors.push(said);
    });
  });
  const end = (signal) => {
    child.kill(signal);
    return exited;
  };
  return { errors, end };
}

/** A file to which receivers write the references that their listeners have finished. */
export function createLog() {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-log-"));
  const path = join(directory, "finished");
  return {
    path,
    references: () => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export function notification() {
  return {
    submit_timestamp: "2018-02-12T14:57:11.765723",
    from_phone_number: "15551230001",
    mo_message: "x".repeat(100),
    mo_reference_id: randomBytes(16).toString("hex"),
    session_reference_id: "0123456789ABCDEF0123456789ABCDEF",
    to_phone_number: "15551230002",
  };
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Delivers once. Resolves to the status, undefined without an answer, and to the time in ms. */
export function deliver(port, message) {
  const body = JSON.stringify(message);
  const started = performance.now();
  return new Promise((resolve) => {
    const settle = (status) => resolve({ status, ms: performance.now() - started });
    const req = request(
      { host: "127.0.0.1", port, method: "POST", agent, timeout: 5_000, headers: headersOf(body) },
      (res) => {
        res.resume();
        res.on("end", () => settle(res.statusCode));
        res.on("error", () => settle(undefined));
      },
    );
    req.on("timeout", () => req.destroy());
    req.on("error", () => settle(undefined));
    req.end(body);
  });
}

function headersOf(body) {
  return { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
}

/**
 * What a receiver reports about its process: its resident `memory`, in bytes, and, after a first
 * call with the path "/reset", the `longestBlockMs` of its event loop since then.
 */
export async function healthOf(port, path = "/") {
  const res = await fetch(`http://127.0.0.1:${port}${path}`);
  return res.json();
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until `isDone`, for `milliseconds` at most. */
export async function eventually(milliseconds, isDone) {
  const end = Date.now() + milliseconds;
  while (!isDone() && Date.now() < end) await pause(200);
}

/** How many acknowledged notifications were delivered, delivered more than once, and lost. */
export function account(acknowledged, references) {
  const counts = new Map();
  for (const reference of references) counts.set(reference, (counts.get(reference) ?? 0) + 1);
  const delivered = acknowledged.filter((reference) => counts.has(reference));
  return {
    delivered: delivered.length,
    twice: delivered.filter((reference) => counts.get(reference) > 1).length,
    lost: acknowledged.length - delivered.length,
  };
}
