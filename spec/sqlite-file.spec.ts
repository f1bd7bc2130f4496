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
  describeWithSqlite,
  openDatabase,
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

  it.each(["'{'", "'7'", "json_set(stored, '$.reference', 'another')", "x'00ff'"])(
    "turns a notification that is stored as %s into a dead letter",
    async (damage) => {
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
    },
  );

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
  it("counts no attempt that no listener saw", async () => {
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

describeWithSqlite("sqliteInbox, with an SQLite that cannot share a file", () => {
  const { versions } = process;
  const setVersions = (value: object) => {
    Object.defineProperty(process, "versions", { value, configurable: true });
  };
  beforeEach(() => setVersions({ ...versions, sqlite: "3.50.0" }));
  afterEach(() => setVersions(versions));

  it("works as the only process", async () => {
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

  it("refuses to be a second process, and works when the first has left", async () => {
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

describe("A file system that SQLite cannot use safely", () => {
  it("is refused, with the setting that it does not take", async () => {
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
