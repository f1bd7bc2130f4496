import { sqliteInbox } from "telesign-callback/sqlite";

import { unheardError } from "../lib/errors.js";
import { connect } from "../lib/sqlite/connection.js";
import type { DatabaseThread } from "../lib/sqlite/database-thread.js";
import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import {
  countRows,
  describeWithSqlite,
  openDatabase,
  runElsewhere,
  startReceiver,
  temporaryFile,
} from "./support/sqlite.js";

describeWithSqlite("sqliteInbox, when others have changed its file", () => {
  /** Stores a notification, and changes how it is stored. */
  async function storeAndChange(file: string, sql: string) {
    const inbox = sqliteInbox({ file });
    await inbox.accept(freshNotification(), freshDelivery());
    await inbox.close();
    const database = openDatabase(file);
    database.exec(sql);
    database.close();
  }

  it.each([
    "'{'",
    "'7'",
    "json_set(stored, '$.reference', 'another')",
    "json_set(stored, '$.receivedAt', 1e99)",
    "x'00ff'",
  ])("turns a notification that is stored as %s into a dead letter", async (damage) => {
    const file = temporaryFile();
    await storeAndChange(file, `UPDATE notification SET stored = ${damage}`);
    const inbox = sqliteInbox({ file });
    const { listener, received } = createErrors();
    inbox.onError?.(listener);
    const { handOver, handOvers } = createReception();
    inbox.consume(handOver);
    expect(await received(1)).toMatchObject([{ code: "ERR_DEAD_LETTER" }]);
    expect(handOvers).toEqual([]);
    expect(await inbox.deadLetters()).toMatchObject([
      { message: undefined, attempts: 0, error: { code: "ERR_DAMAGED" } },
    ]);
    await inbox.close();
  });

  it.each([
    ["attempts", "1 << 60"],
    ["attempts", "9223372036854775807"],
    ["attempts", "-2"],
    ["attempts", "0.5"],
  ])("turns only the notification whose %s are %s into a dead letter", async (column, value) => {
    const file = temporaryFile();
    await storeAndChange(file, `UPDATE notification SET ${column} = ${value}`);
    const inbox = sqliteInbox({ file });
    const { errors, listener, received: reported } = createErrors();
    inbox.onError?.(listener);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    await reported(1);
    expect(errors).toMatchObject([{ code: "ERR_DEAD_LETTER" }]);
    const [letter] = await inbox.deadLetters();
    expect(letter).toMatchObject({ attempts: 0, error: { code: "ERR_DAMAGED" } });
    expect(await inbox.redrive(letter!.reference)).toBe(true);
    expect(await received(2)).toMatchObject([{}, [{}, { attempt: 1 }]]);
    await inbox.close();
  });

  it.each([
    ["id", "1 << 60"],
    ["attempts", "'many'"],
    ["due", "1 << 60"],
    ["due", "'never'"],
    ["claimant", "x'00'"],
  ])("hands over a notification whose %s is %s", async (column, value) => {
    const file = temporaryFile();
    await storeAndChange(file, `UPDATE notification SET ${column} = ${value}`);
    const inbox = sqliteInbox({ file });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(2);
    await inbox.close();
    expect(countRows(file, "notification")).toBe(0);
  });

  it.each(["1 << 60", "-(1 << 60)", "'then'", "x'00'", "9e99"])(
    "lists and redrives a dead letter whose failed_at is %s",
    async (failedAt) => {
      const file = temporaryFile();
      await storeAndChange(file, `UPDATE notification SET failed_at = ${failedAt}`);
      const inbox = sqliteInbox({ file });
      const [letter] = await inbox.deadLetters();
      expect(Math.abs(Date.now() - letter!.failedAt.getTime())).toBeLessThan(60_000);
      expect(letter?.error).toEqual({ name: "Error" });
      expect(await inbox.redrive(letter!.reference)).toBe(true);
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await received(1);
      await inbox.close();
    },
  );

  it("lists a dead letter whose count of attempts is damaged", async () => {
    const file = temporaryFile();
    const damage = "UPDATE notification SET failed_at = 1, attempts = 1 << 60";
    await storeAndChange(file, damage);
    const inbox = sqliteInbox({ file });
    expect(await inbox.deadLetters()).toMatchObject([{ attempts: 0 }]);
    await inbox.close();
  });

  it("ignores damage in the row of another process", async () => {
    const file = temporaryFile();
    // While the receiver has the file open, this process does not end the claims of others.
    const receiver = await startReceiver({ options: { file }, work: 0 });
    const inbox = sqliteInbox({ file });
    const { errors, listener } = createErrors();
    inbox.onError?.(listener);
    runElsewhere(file, "INSERT INTO claimant VALUES ('another', 1 << 60, 1 << 60)");
    const { handOver } = createReception();
    inbox.consume(handOver);
    await inbox.ready();
    await receiver.end("SIGTERM");
    await inbox.close();
    expect(errors).toEqual([]);
  });

  it("leaves a notification that a newer release stored to that release", async () => {
    const file = temporaryFile();
    await storeAndChange(file, "UPDATE notification SET stored = json_set(stored, '$.v', 1000)");
    const inbox = sqliteInbox({ file });
    const { handOver, handOvers, received } = createReception();
    inbox.consume(handOver);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await received(1);
    expect(handOvers).toEqual([[message, expect.anything()]]);
    await inbox.close();
    const database = openDatabase(file);
    const row = database.prepare("SELECT attempts, claimant, failed_at FROM notification").get();
    expect({ ...row }).toEqual({ attempts: 0, claimant: null, failed_at: null });
    database.close();
  });
});

describeWithSqlite("sqliteInbox, when its last listener leaves during a hand-over", () => {
  it("counts an attempt only if a listener saw the notification", async () => {
    const inbox = sqliteInbox({ file: temporaryFile(), attempts: 1 });
    const { handOver, received } = createReception();
    inbox.consume(async (...args) => {
      await handOver(...args);
      if ((await received(1)).length === 1) throw unheardError(args[0]);
    });
    await inbox.accept(freshNotification(), freshDelivery());
    const attempts = (await received(2)).map(([, { attempt }]) => attempt);
    expect(attempts).toEqual([1, 1]);
    await inbox.close();
  });
});

describeWithSqlite("sqliteInbox, with a SQLite that cannot share a file", () => {
  const { versions } = process;
  const setVersions = (value: object) => {
    Object.defineProperty(process, "versions", { value, configurable: true });
  };
  beforeEach(() => setVersions({ ...versions, sqlite: "3.50.0" }));
  afterEach(() => setVersions(versions));

  it("works if no other process has the file open", async () => {
    const file = temporaryFile();
    for (const opening of ["first", "second"]) {
      const inbox = sqliteInbox({ file });
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const message = freshNotification({ mo_message: opening });
      await inbox.accept(message, freshDelivery());
      expect(await received(1)).toEqual([[message, expect.anything()]]);
      await inbox.close();
    }
  });

  it("is not ready while another process has the file open, and is ready once it is closed there", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: 0 });
    const inbox = sqliteInbox({ file });
    await expect(inbox.ready()).rejects.toMatchObject({
      message: expect.stringMatching(/^another process has file open/),
      cause: { code: "ERR_FILE_IN_USE" },
    });
    await receiver.end("SIGTERM");
    await expect(inbox.ready()).resolves.toBeUndefined();
    await inbox.close();
  });
});

describe("a file system that SQLite cannot use safely", () => {
  it("is refused, with an error that asks for a local disk", async () => {
    const rows = [{ application: 0, version: 0, objects: 0, journal_mode: "delete" }];
    const answer = jest.fn().mockResolvedValue([rows]);
    const thread: DatabaseThread = {
      ...{ open: answer, query: answer, transact: answer, close: answer },
      ...{ keepAlive: () => {}, hasEnded: () => false, end: () => Promise.resolve() },
    };
    const settings = { path: "inbox.db", canBeShared: true, whenAlone: [] };
    await expect(connect(thread, settings)).rejects.toMatchObject({
      code: "ERR_FILE_SYSTEM",
      message: expect.stringContaining("local disk"),
    });
  });
});
