import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { countRows, describeWithSqlite, startProgram, temporaryFile } from "./support/sqlite.js";

// The built package, in a process that does nothing else.
const start = (file: string, then: string) => `
  const { sqliteInbox } = require(${JSON.stringify(join(__dirname, "../dist/sqlite/sqlite-inbox.js"))});
  const inbox = sqliteInbox({ file: ${JSON.stringify(file)} });
  const { telesignCallback } = require(${JSON.stringify(join(__dirname, "../dist/index.js"))});
  const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
  ${then}
`;

describeWithSqlite("sqliteInbox, in a process that has nothing else to do", () => {
  it.each([
    ["it is closed", "inbox.consume(async () => {}); inbox.close();"],
    ["it has stored what it accepted", 'inbox.accept({ mo_reference_id: "a" }, delivery);'],
    ["its last consumer has stopped", "inbox.ready().then(inbox.consume(async () => {}));"],
  ])("lets the process exit when %s", (_, then) => {
    const file = temporaryFile();
    execFileSync(process.execPath, ["-e", start(file, then)], { stdio: "pipe", timeout: 20_000 });
  });

  it("lets the process exit after its callback has given up on a listener that hangs", () => {
    const file = temporaryFile();
    const close = "callback.close({ timeout: 10 }).then(() => console.log(code));";
    const then = `
      let code;
      const onMessage = () => { ${close} return new Promise(() => {}); };
      const callback = telesignCallback({ inbox, onMessage });
      callback.on("error", (error) => (code = error.code));
      inbox.accept({ mo_reference_id: "a" }, delivery);
    `;
    const options = { encoding: "utf8", timeout: 20_000 } as const;
    const printed = execFileSync(process.execPath, ["-e", start(file, then)], options);
    expect(printed).toBe("ERR_LISTENER\n");
    // The log was merged into the file, and the listener's notification is not lost.
    expect(existsSync(`${file}-wal`)).toBe(false);
    expect(countRows(file, "notification")).toBe(1);
  });

  it("keeps the process alive while it consumes, and causes no warning from Node", async () => {
    const file = temporaryFile();
    const say = "console.log(JSON.stringify({ reference: message.mo_reference_id }))";
    const consume = `inbox.consume(async (message) => ${say});`;
    const consumer = startProgram(process.execPath, ["-e", start(file, consume)]);
    const accept = 'inbox.accept({ mo_reference_id: "another" }, delivery);';
    const options = { encoding: "utf8", timeout: 20_000 } as const;
    const printed = spawnSync(process.execPath, ["-e", start(file, accept)], options);
    expect(printed).toMatchObject({ stdout: "", stderr: "" });
    expect(await consumer.said(() => true)).toEqual({ reference: "another" });
    await consumer.end("SIGKILL");
  });
});
