import { execFileSync, spawnSync } from "node:child_process";
import fs, { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import threads, { type Worker } from "node:worker_threads";

import express from "express";
import { telesignCallback, type TelesignCallbackError } from "telesign-callback";
import { sqliteInbox } from "telesign-callback/sqlite";

import { startDatabaseThread } from "../lib/sqlite/database-thread.js";
import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import {
  countRows,
  describeWithSqlite,
  lock,
  openDatabase,
  runElsewhere,
  startReceiver,
  temporaryFile,
} from "./support/sqlite.js";
import { listen } from "./support/wire.js";

function refusalOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describeWithSqlite("sqliteInbox, on a file that it cannot use", () => {
  it("throws if the directory does not exist, without naming the directory", () => {
    const file = join(dirname(temporaryFile()), "private", "inbox.db");
    const error = refusalOf(() => sqliteInbox({ file }));
    expect(error).toMatchObject({
      message: "file is in a directory that does not exist; create it first",
      cause: { code: "ENOENT", message: "" },
    });
  });

  it("throws if it has no permission to open the file", () => {
    const file = temporaryFile();
    jest.spyOn(fs, "openSync").mockImplementation(() => {
      throw Object.assign(new Error(`EACCES: ${file}`), { code: "EACCES" });
    });
    const error = refusalOf(() => sqliteInbox({ file }));
    expect(error).toMatchObject({
      message: expect.stringMatching(/can read and write/),
      cause: { code: "EACCES", message: "" },
    });
  });

  it("throws if file is a directory", () => {
    const file = temporaryFile();
    mkdirSync(file);
    expect(refusalOf(() => sqliteInbox({ file }))).toMatchObject({
      message: expect.stringMatching(/^file must be a file/),
    });
  });

  const words = "the file of another program, which is no database".repeat(100);
  it.each([
    [
      "is not a database",
      "SQLITE_NOTADB",
      "file is not a SQLite database",
      (file: string) => writeFile(file, words),
    ],
    [
      "is the database of another program",
      "ERR_FOREIGN_FILE",
      "file is the database of another program",
      (file: string) => Promise.resolve(change(file, "CREATE TABLE theirs (a)")),
    ],
    [
      "was written by a newer release",
      "ERR_NEWER_FILE",
      "a newer release of telesign-callback has written file",
      async (file: string) => {
        await createEmpty(file);
        change(file, "PRAGMA user_version = 1000");
      },
    ],
    [
      "is damaged",
      "SQLITE_CORRUPT",
      "file is damaged",
      async (file: string) => {
        await createEmpty(file);
        const bytes = readFileSync(file);
        writeFileSync(file, bytes.fill(0xff, 4_096));
      },
    ],
  ])(
    "hands notifications over at once when the file %s, reports why, and leaves the file unchanged",
    async (_, code, text, prepare) => {
      const file = temporaryFile();
      await prepare(file);
      const before = readFileSync(file);
      const inbox = sqliteInbox({ file });
      const { errors, listener } = createErrors();
      inbox.onError?.(listener);
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const expected = {
        code: "ERR_INBOX",
        cause: { code },
        message: expect.stringContaining(text),
      };
      await expect(inbox.ready()).rejects.toMatchObject(expected);
      await expect(inbox.deadLetters()).rejects.toMatchObject({
        code: "ERR_INBOX",
        message: "the inbox's database failed",
        cause: { code },
      });
      const message = freshNotification();
      expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
      expect(await received(1)).toEqual([[message, expect.anything()]]);
      expect(errors).toMatchObject([{ ...expected, message: expect.stringContaining(text) }]);
      await inbox.close();
      expect(readFileSync(file)).toEqual(before);
    },
  );
});

describeWithSqlite("sqliteInbox, on a file that it cannot use and without a listener", () => {
  it("reports each notification in an error that carries it", async () => {
    const file = temporaryFile();
    change(file, "CREATE TABLE theirs (a)");
    const inbox = sqliteInbox({ file });
    const { listener, received } = createErrors();
    inbox.onError?.(listener);
    await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX" });
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    const [, error] = await received(2);
    expect(error).toMatchObject({ code: "ERR_INBOX", notification: message });
    // A callback refuses an empty reference, so it never passes such a notification on.
    await inbox.accept(freshNotification({ mo_reference_id: "" }), freshDelivery());
    const [, , another] = await received(3);
    expect(another).toMatchObject({ code: "ERR_INBOX", notification: undefined });
    await inbox.close();
  });
});

async function createEmpty(file: string) {
  const inbox = sqliteInbox({ file });
  await inbox.ready();
  await inbox.close();
}

function change(file: string, sql: string) {
  const database = openDatabase(file);
  database.exec(sql);
  database.close();
}

describeWithSqlite("sqliteInbox, while another process holds the write lock", () => {
  it("blocks no other route, acknowledges callbacks and loses nothing", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    await inbox.ready();
    const arrived = createReception();
    const callback = telesignCallback({
      path: "/callback",
      inbox: {
        ...inbox,
        accept(...args) {
          void arrived.handOver(...args);
          return inbox.accept(...args);
        },
      },
    });
    const errors: TelesignCallbackError[] = [];
    callback.on("error", (error) => errors.push(error));
    const { handOver, received } = createReception();
    callback.onMessage(handOver);
    const app = express().use(callback);
    app.get("/other", (_req, res) => void res.end());
    const { port } = await listen(app);
    const unlock = await lock(file);

    const order: string[] = [];
    const messages = [freshNotification(), freshNotification()];
    const requests = messages.map(async (message) => {
      const body = JSON.stringify(message);
      const response = await fetch(`http://127.0.0.1:${port}/callback`, { method: "POST", body });
      order.push(`callback ${response.status}`);
    });
    await arrived.received(2);
    await fetch(`http://127.0.0.1:${port}/other`);
    order.push("other");
    await Promise.all(requests);
    expect(order).toEqual(["other", "callback 200", "callback 200"]);

    await unlock();
    const handedOver = (await received(2)).map(([message]) => message);
    expect(handedOver).toEqual(expect.arrayContaining(messages));
    expect(errors).toMatchObject([{ code: "ERR_INBOX", cause: { code: "SQLITE_BUSY" } }]);
    await callback.close();
  });
});

describeWithSqlite("stats(), while sqliteInbox cannot store", () => {
  it("counts the notifications that wait in this process until they are stored", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    await inbox.ready();
    const callback = telesignCallback({ inbox });
    callback.on("error", () => {});
    const { handOver, received } = createReception();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const unlock = await lock(file);
    const messages = [freshNotification(), freshNotification()];
    for (const message of messages) {
      const body = JSON.stringify(message);
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    }
    expect(callback.stats()).toMatchObject({ accepted: 2, waiting: 2 });
    callback.onMessage(handOver);
    await unlock();
    await received(2);
    // A listener may get a notification before the engine's answer arrives.
    while (callback.stats().waiting > 0) await setImmediate();
    await callback.close();
  });
});

describeWithSqlite("sqliteInbox, when its first listener comes while it cannot store", () => {
  it("hands the waiting notifications over once it can store them", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    await inbox.ready();
    const unlock = await lock(file);
    const message = freshNotification();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await unlock();
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    await inbox.close();
  });
});

const REFUSAL = "BEGIN SELECT RAISE(ROLLBACK, ''); END";

describeWithSqlite("sqliteInbox, when rows can be deleted from its file but not added", () => {
  it.each(["reference", "notification"])(
    "is not ready while its table %s refuses new rows",
    async (table) => {
      const file = temporaryFile();
      await createEmpty(file);
      change(file, `CREATE TRIGGER refuse BEFORE INSERT ON ${table} ${REFUSAL}`);
      const inbox = sqliteInbox({ file });
      await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX" });
      runElsewhere(file, "DROP TRIGGER refuse");
      await expect(inbox.ready()).resolves.toBeUndefined();
      await inbox.close();
      for (const each of ["reference", "notification"]) expect(countRows(file, each)).toBe(0);
    },
  );
});

describeWithSqlite("sqliteInbox, on a full disk", () => {
  // A limit on the size of a file acts like a full disk: writing beyond it fails.
  const hasLimits = spawnSync("prlimit", ["--version"]).status === 0;
  const itWithLimits = hasLimits ? it : it.skip;

  itWithLimits(
    "acknowledges notifications, reports the outage once, and stores them when there is room again",
    async () => {
      const file = temporaryFile();
      await createEmpty(file);
      const command = ["prlimit", "--fsize=65536:unlimited"];
      const options = { file };
      const receiver = await startReceiver({ options, work: 0, isConsumer: false, command });
      const messages = Array.from({ length: 100 }, () => freshNotification());
      expect(await Promise.all(messages.map(receiver.deliver))).not.toContain(false);
      const trouble = await receiver.said((line) => line.code === "ERR_INBOX");
      expect(String(trouble.cause)).toMatch(/^SQLITE_(FULL|IOERR)$/);

      execFileSync("prlimit", ["--pid", `${receiver.child.pid}`, "--fsize=unlimited"]);
      await receiver.end("SIGTERM");
      expect(receiver.lines.filter((line) => "code" in line)).toHaveLength(1);
      const inbox = sqliteInbox({ file });
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const handedOver = (await received(100)).map(([message]) => message);
      expect(handedOver).toEqual(expect.arrayContaining(messages));
      await inbox.close();
    },
  );

  it("stores notifications and the results of hand-overs once the disk accepts them again", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    const { received: reported, listener } = createErrors();
    inbox.onError?.(listener);
    const { handOver, received } = createReception(() => failing);
    let settle = () => {};
    const failing = new Promise<void>((resolve) => (settle = resolve));
    inbox.consume(handOver);
    const [first, second] = [freshNotification(), freshNotification()];
    await inbox.accept(first, freshDelivery());
    await received(1);

    // A trigger refuses writes as a full disk does, and another process can create it.
    runElsewhere(file, `CREATE TRIGGER refuse BEFORE DELETE ON notification ${REFUSAL}`);
    runElsewhere(file, `CREATE TRIGGER refuse2 BEFORE INSERT ON notification ${REFUSAL}`);
    settle();
    expect(await inbox.accept(second, freshDelivery())).toBe("accepted");
    expect(await reported(1)).toMatchObject([{ code: "ERR_INBOX" }]);
    runElsewhere(file, "DROP TRIGGER refuse");
    runElsewhere(file, "DROP TRIGGER refuse2");
    expect((await received(2)).map(([message]) => message)).toEqual([first, second]);
    await inbox.close();
    expect(countRows(file, "notification")).toBe(0);
  });
});

describeWithSqlite("sqliteInbox, closed on a full disk", () => {
  it("loses the result of a hand-over, which is then repeated", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file });
    let settle = () => {};
    const { handOver, received } = createReception(
      () => new Promise<void>((resolve) => (settle = resolve)),
    );
    inbox.consume(handOver);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await received(1);
    const claimed = "DELETE ON notification WHEN old.claimant IS NOT NULL";
    runElsewhere(file, `CREATE TRIGGER refuse BEFORE ${claimed} ${REFUSAL}`);
    const closed = inbox.close();
    settle();
    await closed;

    runElsewhere(file, "DROP TRIGGER refuse");
    const next = sqliteInbox({ file });
    const reception = createReception();
    next.consume(reception.handOver);
    expect(await reception.received(1)).toEqual([
      [message, expect.objectContaining({ attempt: 2 })],
    ]);
    await next.close();
  });
});

describeWithSqlite("sqliteInbox, when its thread ends", () => {
  it("gets an error for every query that it sends to the thread", async () => {
    const thread = startDatabaseThread();
    await thread.end();
    await expect(thread.query([])).rejects.toMatchObject({ code: "ERR_THREAD_ENDED" });
  });

  it("starts another thread, and hands over notifications that arrive meanwhile", async () => {
    const started: Worker[] = [];
    const { Worker: RealWorker } = threads;
    jest.spyOn(threads, "Worker").mockImplementation((...args) => {
      started.push(new RealWorker(...args));
      return started.at(-1)!;
    });
    const inbox = sqliteInbox({ file: temporaryFile() });
    const { received: reported, listener } = createErrors();
    inbox.onError?.(listener);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.ready();
    await started[0]?.terminate();
    const message = freshNotification();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    expect(started).toHaveLength(2);
    const trouble = { code: "ERR_INBOX", cause: { code: "ERR_THREAD_ENDED" } };
    expect(await reported(1)).toMatchObject([trouble]);
    await inbox.close();
  });
});
