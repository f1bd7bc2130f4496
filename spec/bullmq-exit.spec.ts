import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { isThere } from "./support/servers.js";

// The built package, in a process that must come to its end by itself.
const PROGRAM = `
  const { bullmqInbox } = require(${JSON.stringify(join(__dirname, "../dist/bullmq/bullmq-inbox.js"))});
  const inbox = bullmqInbox({ connection: { host: "127.0.0.1", port: 1 } });
  inbox.consume(async () => {});
  const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
  inbox.accept({ mo_reference_id: "waiting" }, delivery).then(() => inbox.close());
`;

describe("bullmqInbox, closed while its engine is down", () => {
  const itHere = isThere("Redis") ? it : it.skip;
  itHere(
    "lets the process exit",
    async () => {
      const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: "inherit" });
      expect(await once(child, "exit")).toEqual([0, null]);
    },
    20_000,
  );
});
