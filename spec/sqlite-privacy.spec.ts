import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";

import type { DurableInbox } from "../lib/inbox/durable/durable-inbox.js";
import { sqliteInbox } from "telesign-callback/sqlite";

import { createReception, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";

const WORDS = "meet me at the old mill";
const NUMBER = "15550104477";

/** What is on the disk. Read by another process, since this one would drop SQLite's locks. */
function bytesOf(file: string): string {
  const files = [file, `${file}-wal`].filter(existsSync);
  return execFileSync("cat", files, { maxBuffer: 2 ** 26 }).toString("latin1");
}

function accept(inbox: DurableInbox, overrides = {}) {
  const words = { mo_message: WORDS, from_phone_number: NUMBER };
  return inbox.accept(freshNotification({ ...words, ...overrides }), freshDelivery());
}

describeWithSqlite("sqliteInbox, to keep texts private,", () => {
  it("creates files that only their owner can read", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    await accept(inbox);
    for (const each of [file, `${file}-wal`, `${file}-shm`]) {
      expect(statSync(each).mode & 0o777).toBe(0o600);
    }
    await inbox.close();
  });

  it("leaves no text on the disk once every listener has finished and it is closed", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    for (let count = 0; count < 50; count += 1) await accept(inbox);
    expect(bytesOf(file)).toContain(WORDS);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await received(50);
    await inbox.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
    const bytes = readFileSync(file, "latin1");
    expect(bytes).not.toContain(WORDS);
    expect(bytes).not.toContain(NUMBER);
  });

  it("with an encryptionKey, writes no text in the clear to the file or its WAL", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file, attempts: 1, encryptionKey: randomBytes(32) });
    const failing = new Promise((resolve) => inbox.onError?.(resolve));
    await accept(inbox);
    inbox.consume(() => Promise.reject(new Error(WORDS)));
    await failing;
    for (const word of [WORDS, NUMBER]) expect(bytesOf(file)).not.toContain(word);
    await inbox.close();
    for (const word of [WORDS, NUMBER]) expect(bytesOf(file)).not.toContain(word);
  });

  it("publishes nothing on Node's diagnostics channel for SQLite statements", async () => {
    const heard: unknown[] = [];
    const { subscribe, unsubscribe } = process.getBuiltinModule("node:diagnostics_channel");
    const hear = (message: unknown) => void heard.push(message);
    subscribe("sqlite.db.query", hear);
    const inbox = sqliteInbox({ file: temporaryFile() });
    await accept(inbox);
    await inbox.close();
    unsubscribe("sqlite.db.query", hear);
    expect(heard).toEqual([]);
  });
});
