import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { describeWithSqlite, startProgram, temporaryFile } from "./support/sqlite.js";

// The built package, in a process that does nothing else.
const start = (file: string, then: string) => `
  const { sqliteInbox } = require(${JSON.stringify(join(__dirname, "../dist/sqlite/sqlite-inbox.js"))});
  const inbox = sqliteInbox({ file: ${JSON.stringify(file)} });
  const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
  ${then}
`;

describeWithSqlite("sqliteInbox, in a process that has nothing else to do", () => {
  it.each([
    ["it is closed", "inbox.consume(async () => {}); inbox.close();"],
    ["it has stored what it accepted", 'inbox.accept({ mo_reference_id: "a" }, delivery);'],
    ["its last consumer has stopped", "inbox.ready().then(inbox.consume(async () => {}));"],
  ])("lets it exit when %s", (_, then) => {
    const file = temporaryFile();
    execFileSync(process.execPath, ["-e", start(file, then)], { stdio: "pipe", timeout: 20_000 });
  });

  it("keeps it alive while it consumes, and prints no warning of Node's", async () => {
    const file = temporaryFile();
    const say = "console.log(JSON.stringify({ reference: message.mo_reference_id }))";
    const consume = `inbox.consume(async (message) => ${say});`;
    const consumer = startProgram(process.execPath, ["-e", start(file, consume)]);
    const accept = 'inbox.accept({ mo_reference_id: "another" }, delivery);';
    const printed = execFileSync(process.execPath, ["-e", `${start(file, accept)}`], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(printed.toString()).toBe("");
    expect(await consumer.said(() => true)).toEqual({ reference: "another" });
    await consumer.end("SIGKILL");
  });
});
