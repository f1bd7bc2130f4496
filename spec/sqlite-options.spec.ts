import { existsSync, linkSync, symlinkSync } from "node:fs";
import modules from "node:module";
import { join } from "node:path";

import { telesignCallback } from "telesign-callback";
import { sqliteInbox, type SqliteInboxOptions } from "telesign-callback/sqlite";

import { canShare } from "../lib/sqlite/connection.js";
import { createReception, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { countRows, describeWithSqlite, temporaryFile } from "./support/sqlite.js";

describe("sqliteInbox, on a Node without node:sqlite", () => {
  it("throws an error that names the versions that have it", () => {
    jest.spyOn(modules, "isBuiltin").mockReturnValue(false);
    expect(() => sqliteInbox({ file: temporaryFile() })).toThrow(
      "sqliteInbox needs node:sqlite, which Node has from version 22.13 on",
    );
  });
});

describe("sqliteInbox, given bad options", () => {
  it.each([
    ["file", {}],
    ["file", { file: "" }],
    ["file", { file: 7 }],
    ["file", { file: ":memory:" }],
    ["file", { file: "file:inbox.db" }],
    ["file", { file: "a\0b" }],
    ["attempts", { attempts: 0 }],
    ["dedupeTtl", { dedupeTtl: "1d" }],
    ["concurrency", { concurrency: 1.5 }],
    ["lockDuration", { lockDuration: -1 }],
    ["lockDuration must be a whole number from 100", { lockDuration: 30 }],
    ["maxBuffered", { maxBuffered: Infinity }],
    ["encryptionKey", { encryptionKey: "secret" }],
    ["encryptionKey", { encryptionKey: undefined }],
    ["unknown option path", { path: "inbox.db" }],
  ])('throws a TypeError that says "%s" for %j', (name, bad) => {
    const file = temporaryFile();
    const isFile = name === "file";
    const options = (isFile ? bad : { file, ...bad }) as SqliteInboxOptions;
    jest.spyOn(modules, "isBuiltin").mockReturnValue(true);
    expect(() => sqliteInbox(options)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringContaining(name) }),
    );
  });
});

describeWithSqlite("sqliteInbox, beside another one in the same process", () => {
  it.each<[string, (file: string, other: string) => void]>([
    ["an unusual path", () => {}],
    ["a symbolic link", symlinkSync],
    ["a hard link", linkSync],
  ])("throws if it opens the other one's file through %s", async (_, link) => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    const other = `${file}.link`;
    link(file, other);
    const openAgain = () =>
      sqliteInbox({ file: existsSync(other) ? other : join(file, "..", "inbox.db") });
    expect(openAgain).toThrow(TypeError);
    expect(openAgain).toThrow("file is in use by another inbox of this process");
    await inbox.close();
    await openAgain().close();
  });

  it("can use the other one's file after that one's callback has closed, even if a listener hangs", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    let settle = () => {};
    const hanging = createReception(() => new Promise<void>((resolve) => (settle = resolve)));
    const callback = telesignCallback({ inbox, onMessage: hanging.handOver });
    callback.on("error", () => {});
    await inbox.accept(freshNotification(), freshDelivery());
    await hanging.received(1);
    await callback.close({ timeout: 10 });

    const other = sqliteInbox({ file });
    const { handOver, handOvers, received } = createReception();
    other.consume(handOver);
    const message = freshNotification();
    await other.accept(message, freshDelivery());
    await received(1);
    // The result of the first notification is stored when its listener ends. No other inbox hands
    // that notification over.
    settle();
    await inbox.close();
    expect(handOvers).toEqual([[message, expect.anything()]]);
    await other.close();
    expect(countRows(file, "notification")).toBe(0);
  });
});

describeWithSqlite("sqliteInbox", () => {
  it("accepts durations that are longer than the longest Node timer", async () => {
    const longest = 8.64e15;
    const inbox = sqliteInbox({
      file: temporaryFile(),
      dedupeTtl: longest,
      lockDuration: longest,
      attempts: 2 ** 31 - 1,
    });
    await inbox.ready();
    await inbox.close();
  });
});

describe("whether processes can share a file safely", () => {
  it.each([
    ["3.51.3", true],
    ["3.52.0", true],
    ["4.0.0", true],
    ["3.51.2", false],
    ["3.50.4", false],
  ])("is known for SQLite %s: %j", (version, isSafe) => {
    expect(canShare(version)).toBe(isSafe);
  });
});
