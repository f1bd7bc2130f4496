import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { MessageNotification } from "telesign-callback";

import { freshNotification } from "./support/inbox-contract.js";
import { describeOnEachEngine, freePort } from "./support/servers.js";

const KILLS = 3;
const SENDERS = 4;
// Receives and consumes with the built package, and appends what its listener finished to a file.
const RECEIVER = join(__dirname, "../proofs/faults/receiver.mjs");

describeOnEachEngine("bullmqInbox, in a process that is killed under load", (name, engine) => {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-crash-"));
  const log = join(directory, "finished");
  let port = 0;
  let receiver: ChildProcess | undefined;
  beforeAll(async () => {
    port = await freePort();
    await engine.start();
  }, 20_000);
  afterAll(async () => {
    await end();
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }, 20_000);

  async function start() {
    const { connection } = engine.options();
    const options = { connection, lockDuration: 1_000 };
    const settings = JSON.stringify({
      port,
      engine: name,
      options,
      log,
      work: 20,
      // On a busy machine, the first connection may take so long that it counts as an outage.
      untilReady: true,
    });
    // It ends when its standard input does.
    const stdio = ["pipe", "pipe", "inherit"] as const;
    receiver = spawn(process.execPath, [RECEIVER, settings], { stdio: [...stdio] });
    // The receiver's first line says that it listens.
    await once(receiver.stdout!, "data");
    const said: unknown[] = [];
    receiver.stdout!.on("data", (trouble) => said.push(trouble));
    return said;
  }

  async function end() {
    if (receiver?.exitCode !== null || receiver.signalCode !== null) return;
    const exited = once(receiver, "exit");
    receiver.kill("SIGKILL");
    await exited;
  }

  /** Whether the message was acknowledged. The receiver may be dead. */
  async function deliver(message: MessageNotification) {
    try {
      const body = JSON.stringify(message);
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  function finished(): Set<string> {
    return new Set(readFileSync(log, "utf8").split("\n"));
  }

  it("hands over every notification that it has acknowledged", async () => {
    const acknowledged: string[] = [];
    let current: string[] = [];
    let isOver = false;

    async function send() {
      while (!isOver) {
        const message = freshNotification();
        if (await deliver(message)) current.push(message.mo_reference_id);
        else await pause(20);
      }
    }

    const senders = Array.from({ length: SENDERS }, send);
    for (let kills = 0; kills < KILLS; kills += 1) {
      const said = await start();
      await pause(200 + Math.random() * 300);
      await end();
      // Answers that were sent before the kill are read by now.
      await pause(100);
      // Notifications that wait in memory because the engine is too slow are lost with the process,
      // as documented.
      if (said.length === 0) acknowledged.push(...current);
      current = [];
    }
    isOver = true;
    await Promise.all(senders);
    await start();
    const lost = () => acknowledged.filter((reference) => !finished().has(reference));
    while (lost().length > 0) await pause(50);
    expect(acknowledged.length).toBeGreaterThan(0);
  }, 60_000);
});

function pause(milliseconds: number) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
