import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { MessageNotification } from "telesign-callback";

import { runBuilt } from "./support/command-line.js";
import { freshNotification } from "./support/inbox-contract.js";
import { isThere, redisServer } from "./support/servers.js";
import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";

// These specs start programs, on machines that may be busy.
jest.setTimeout(60_000);

/** Starts a program of the example, whose lines can be awaited. */
function startExample(program: string, settings: Readonly<Record<string, string>>) {
  const file = join(__dirname, "../examples/durable", program);
  const env = { ...process.env, ...settings };
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], { env });
  const exited = once(child, "exit");
  const lines: string[] = [];
  let wake = () => {};
  for (const output of [child.stdout, child.stderr]) {
    createInterface(output).on("line", (line) => {
      lines.push(line);
      wake();
    });
  }

  /** Resolves to the matching line whose number is `times`, counted from 1. */
  async function said(text: RegExp, times = 1): Promise<string> {
    for (;;) {
      const found = lines.filter((line) => text.test(line))[times - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  async function end(signal: NodeJS.Signals) {
    child.kill(signal);
    await exited;
  }

  return { said, end };
}

async function send(port: number | string, message: MessageNotification): Promise<unknown> {
  const url = `http://127.0.0.1:${port}/telesign/4f9d0c`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(message) });
  return response.json();
}

describe("examples/durable", () => {
  describeWithSqlite("on SQLite", () => {
    let example: ReturnType<typeof startExample>;

    afterEach(() => example.end("SIGKILL"));

    async function start(file: string, settings: Readonly<Record<string, string>> = {}) {
      example = startExample("sqlite.mjs", { PORT: "0", FILE: file, ...settings });
      const [, port] = /port: (\d+)/.exec(await example.said(/listening on/)) ?? [];
      return Number(port);
    }

    it("hands a message over again after the process was killed during the hand-over", async () => {
      const file = temporaryFile();
      const message = freshNotification({ mo_message: "hello" });
      expect(await send(await start(file), message)).toEqual({ status: "accepted" });
      await example.said(/begins hello .*attempt 1/);
      await example.end("SIGKILL");

      const port = await start(file);
      await example.said(/begins hello .*attempt 2/);
      await example.said(/done {3}hello/);
      expect(await send(port, message)).toEqual({ status: "duplicate" });
    });

    it("hands a dead letter over again after it was redriven and its listener was repaired", async () => {
      const file = temporaryFile();
      const message = freshNotification({ mo_message: "poison" });
      await send(await start(file), message);
      await example.said(/ERR_DEAD_LETTER/);
      await example.end("SIGTERM");

      const redrive = ["--sqlite", file, "--redrive", message.mo_reference_id];
      expect(await runBuilt(["dead-letters", ...redrive])).toMatchObject({ status: 0 });
      await start(file, { FIXED: "1" });
      await example.said(/begins poison .*attempt 1/);
      await example.said(/done {3}poison/);
    });
  });

  const describeHere = isThere("Redis") ? describe : describe.skip;
  describeHere("on Redis", () => {
    const engine = redisServer();
    let port: number;
    let example: ReturnType<typeof startExample>;

    beforeAll(async () => {
      await engine.start();
      const { connection } = engine.options() as { connection: { port: number } };
      // Three consecutive ports, below those that systems assign.
      port = 20_000 + Math.floor(Math.random() * 10_000);
      const settings = { PORT: `${port}`, REDIS_PORT: `${connection.port}`, BOARD_PASSWORD: "key" };
      example = startExample("start.mjs", settings);
      await example.said(/receiving at .*\/telesign/, 2);
      await example.said(/board at/);
    });

    afterAll(async () => {
      await example.end("SIGTERM");
      await engine.close();
    });

    function askBoard(path: string, password: string, method = "GET") {
      const credentials = Buffer.from(`operator:${password}`).toString("base64");
      return fetch(`http://127.0.0.1:${port + 2}/board/api/queues${path}`, {
        method,
        headers: { Authorization: `Basic ${credentials}` },
      });
    }

    it("hands a message to one worker, whichever receiver gets it", async () => {
      const message = freshNotification({ mo_message: "hello" });
      expect(await send(port, message)).toEqual({ status: "accepted" });
      expect(await send(port + 1, message)).toEqual({ status: "duplicate" });
      await example.said(/hello .*attempt 1/);
    });

    it("shows the board to nobody without the password", async () => {
      expect((await askBoard("", "wrong")).status).toBe(401);
    });

    it("shows a dead letter on the board, and hands it over again when it is retried there", async () => {
      await send(port, freshNotification({ mo_message: "poison" }));
      await example.said(/ERR_DEAD_LETTER/);
      const board = await askBoard("?activeQueue=telesign-callback&status=failed", "key");
      const { queues } = (await board.json()) as { queues: { jobs: { id: string }[] }[] };
      const id = queues[0]?.jobs[0]?.id ?? "";
      const retried = await askBoard(`/telesign-callback/${id}/retry`, "key", "PUT");
      expect(retried.ok).toBe(true);
      await example.said(/poison .*attempt 2/);
    });
  });
});
