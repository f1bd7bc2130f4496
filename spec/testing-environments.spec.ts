import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { deliver, notification } from "telesign-callback/testing";

import { createReceiver } from "./support/receivers.js";

/** Runs a user's program against the built package. Resolves to what it prints. */
async function run(...lines: string[]): Promise<string> {
  const program = `"use strict";\n${lines.join("\n")}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], {
    cwd: join(__dirname, ".."),
    timeout: 20_000,
  });
  return stdout;
}

const LOAD = 'const { deliver, notification } = require("./dist/testing/testing.js");';
const ANSWER =
  "const statuses = [500]; const listener = (_, res) => res.writeHead(statuses.shift() ?? 200).end();";
const DELIVER = `deliver(listener, notification(), { waits: [0] })
  .then((attempts) => console.log(attempts.map(({ status }) => status).join()));`;

// Some of these start programs, on machines that may be busy.
jest.setTimeout(30_000);

describe("deliver", () => {
  it("delivers and retries under Jest's fake timers", async () => {
    jest.useFakeTimers();
    const attempts = await deliver(createReceiver(500).listener, notification(), { waits: [1] });
    jest.useRealTimers();
    expect(attempts.map(({ status }) => status)).toEqual([500, 200]);
  });

  it.each([
    ["node:test's", 'require("node:test").mock.timers.enable();'],
    // A fake nextTick stops the networking of Node itself.
    ["sinon's", 'require("@sinonjs/fake-timers").install({ toNotFake: ["nextTick"] });'],
  ])(
    "delivers and retries under %s fake timers, whether it is loaded before or after them",
    async (_, fake) => {
      expect(await run(LOAD, fake, ANSWER, DELIVER.replace("[0]", "[1]"))).toBe("500,200\n");
      expect(await run(fake, LOAD, ANSWER, DELIVER)).toBe("500,200\n");
    },
  );
});

describe("deliver, in a program", () => {
  it("lets the process end by itself once it has delivered", async () => {
    expect(await run(LOAD, ANSWER, DELIVER)).toBe("500,200\n");
  });

  // In Jest's jsdom, a global URL or TextDecoder is not Node's own.
  it("needs neither a global URL nor a global TextDecoder", async () => {
    const { URL, TextDecoder } = globalThis;
    Object.assign(globalThis, { URL: undefined, TextDecoder: undefined });
    try {
      await jest.isolateModulesAsync(async () => {
        const testing = await import("telesign-callback/testing");
        const { listener } = createReceiver();
        expect(await testing.deliver(listener, testing.notification())).toHaveLength(1);
      });
    } finally {
      Object.assign(globalThis, { URL, TextDecoder });
    }
  });
});
