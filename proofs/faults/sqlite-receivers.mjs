// Processes that receive and consume on sqliteInbox, and the load on them.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const RECEIVER = join(import.meta.dirname, "../../spec/fixtures/sqlite-receiver.js");
export const SENDERS = 16;
export const agent = new Agent({ keepAlive: true, maxSockets: SENDERS });

/** Starts a receiver on sqliteInbox, and collects the references that its listener has finished. */
export async function start(options, settings = {}) {
  const argument = JSON.stringify({ options, work: 2, ...settings });
  const child = spawn(process.execPath, [RECEIVER, argument], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const finished = [];
  const errors = [];
  const port = await new Promise((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      const said = JSON.parse(line);
      if (said.port) resolve(said.port);
      else if (said.finished) finished.push(said.finished);
      else if (said.code) errors.push(`${said.code} ${said.cause}: ${said.message}`);
    });
  });
  async function end(signal) {
    const closed = once(child, "close");
    child.kill(signal);
    await closed;
  }
  return { port, finished, errors, end };
}

/** Sends until it is stopped. Notes what is acknowledged, and the slowest answer's time in ms. */
export function send(port, acknowledged, interval = 0) {
  let isStopped = false;
  let slowest = 0;
  let refused = 0;
  async function sendOn() {
    while (!isStopped) {
      const reference = randomBytes(16).toString("hex");
      const start = performance.now();
      const status = await post(port, reference);
      slowest = Math.max(slowest, performance.now() - start);
      if (status === 200) acknowledged.add(reference);
      else refused += 1;
      if (interval > 0) await pause(interval);
    }
  }
  const done = Promise.all(Array.from({ length: SENDERS }, sendOn));
  return {
    done,
    stop: () => (isStopped = true),
    refused: () => refused,
    slowest: () => Math.round(slowest),
  };
}

/** Resolves to the status; undefined without an answer. */
export function post(port, reference) {
  const body = JSON.stringify({
    submit_timestamp: "2018-02-12T14:57:11.765723",
    from_phone_number: "15551230001",
    mo_message: "Hi, this is your driver",
    mo_reference_id: reference,
    session_reference_id: "0123456789ABCDEF0123456789ABCDEF",
    to_phone_number: "15551230002",
  });
  return new Promise((resolve) => {
    request({ host: "127.0.0.1", port, method: "POST", agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    })
      .on("error", () => resolve(undefined))
      .end(body);
  });
}

/** Waits until `isDone`, for a minute at most. */
export async function until(isDone) {
  const end = Date.now() + 60_000;
  while (!isDone() && Date.now() < end) await pause(50);
}
