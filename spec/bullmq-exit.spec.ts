import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { describeOnEachEngine, isThere, uniqueName } from "./support/servers.js";

// The built package, in a process that must end by itself.
const start = (connection: object | string, then: string) => `
  const { bullmqInbox } = require(${JSON.stringify(join(__dirname, "../dist/bullmq/bullmq-inbox.js"))});
  const { telesignCallback } = require(${JSON.stringify(join(__dirname, "../dist/index.js"))});
  const connection = ${JSON.stringify(connection)};
  const { createPostgresBackend: backend } = require("bullmq");
  const engine = "connectionString" in connection ? { backend } : {};
  const inbox = bullmqInbox({ connection, queueName: "${uniqueName()}", ...engine });
  const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
  ${then}
`;

describe("bullmqInbox, closed while its engine is down", () => {
  const itHere = isThere("Redis") ? it : it.skip;
  itHere(
    "lets the process exit",
    async () => {
      const then = `
        inbox.consume(async () => {});
        inbox.accept({ mo_reference_id: "waiting" }, delivery).then(() => inbox.close());
      `;
      const program = start({ host: "127.0.0.1", port: 1 }, then);
      const child = spawn(process.execPath, ["-e", program], { stdio: "inherit" });
      expect(await once(child, "exit")).toEqual([0, null]);
    },
    20_000,
  );
});

describeOnEachEngine(
  "bullmqInbox, whose callback gives up on a listener that hangs",
  (_, engine) => {
    beforeEach(engine.start);
    afterEach(engine.refuse);
    afterAll(engine.close);

    it.each<[string, () => Promise<void>]>([
      ["lets the process exit", async () => {}],
      ["lets the process exit if the engine has just gone down", engine.refuse],
    ])(
      "%s",
      async (_promise, beforeClose) => {
        const then = `
        const callback = telesignCallback({ inbox });
        callback.on("error", ({ code }) => console.log(code));
        callback.onMessage(() => {
          console.log("started");
          process.stdin.once("end", () => callback.close({ timeout: 10 })).resume();
          return new Promise(() => {});
        });
        inbox.accept({ mo_reference_id: "a" }, delivery);
      `;
        const program = start(engine.options().connection, then);
        const child = spawn(process.execPath, ["-e", program], {
          stdio: ["pipe", "pipe", "inherit"],
          timeout: 20_000,
        });
        const exited = once(child, "exit");
        let printed = "";
        child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
        await once(child.stdout, "data");
        await beforeClose();
        child.stdin.end();
        expect(await exited).toEqual([0, null]);
        expect(printed).toMatch(/^started\n(ERR_INBOX\n)?ERR_LISTENER\n$/);
      },
      40_000,
    );
  },
);
