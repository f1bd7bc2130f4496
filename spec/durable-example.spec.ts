import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

import { freshNotification } from "./support/inbox-contract.js";
import { isThere, redisServer } from "./support/servers.js";

const START = join(__dirname, "../examples/durable/start.mjs");

describe("examples/durable", () => {
  const describeHere = isThere("Redis") ? describe : describe.skip;
  describeHere("on Redis", () => {
    const engine = redisServer();
    const lines: string[] = [];
    let port: number;
    let child: ChildProcess;
    let output: Interface;

    beforeAll(async () => {
      await engine.start();
      const { connection } = engine.options() as { connection: { port: number } };
      // Three in a row, below those that systems give out.
      port = 20_000 + Math.floor(Math.random() * 10_000);
      const settings = { PORT: `${port}`, REDIS_PORT: `${connection.port}`, BOARD_PASSWORD: "key" };
      child = spawn(process.execPath, [START], { env: { ...process.env, ...settings } });
      output = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      output.on("line", (line) => lines.push(line));
      createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", (line) => {
        lines.push(line);
        output.emit("stderr");
      });
      await said(/receiving at .*\/telesign/, 2);
      await said(/board at/);
    }, 30_000);

    afterAll(async () => {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
      await engine.close();
    }, 30_000);

    async function said(text: RegExp, times = 1) {
      while (lines.filter((line) => text.test(line)).length < times) {
        await Promise.race([once(output, "line"), once(output, "stderr")]);
      }
    }

    function deliver(message: object, receiver: 0 | 1) {
      return fetch(`http://127.0.0.1:${port + receiver}/telesign/4f9d0c`, {
        method: "POST",
        body: JSON.stringify(message),
      });
    }

    function askBoard(path: string, password: string, method = "GET") {
      const credentials = Buffer.from(`operator:${password}`).toString("base64");
      return fetch(`http://127.0.0.1:${port + 2}/board/api/queues${path}`, {
        method,
        headers: { Authorization: `Basic ${credentials}` },
      });
    }

    it("hands a message to one worker, whichever receiver has it", async () => {
      const message = freshNotification({ mo_message: "hello" });
      const answers = [await deliver(message, 0), await deliver(message, 1)];
      const statuses = await Promise.all(answers.map((answer) => answer.json()));
      expect(statuses).toEqual([{ status: "accepted" }, { status: "duplicate" }]);
      await said(/hello .*attempt 1/);
    }, 30_000);

    it("keeps the board from whoever has no password", async () => {
      expect((await askBoard("", "wrong")).status).toBe(401);
    }, 30_000);

    it("shows a dead letter on the board, and hands it over when it is retried", async () => {
      await deliver(freshNotification({ mo_message: "poison" }), 0);
      await said(/ERR_DEAD_LETTER/);
      const board = await askBoard("?activeQueue=telesign-callback&status=failed", "key");
      const { queues } = (await board.json()) as { queues: { jobs: { id: string }[] }[] };
      const id = queues[0]?.jobs[0]?.id ?? "";
      const retried = await askBoard(`/telesign-callback/${id}/retry`, "key", "PUT");
      expect(retried.ok).toBe(true);
      await said(/poison .*attempt 2/);
    }, 30_000);
  });
});
