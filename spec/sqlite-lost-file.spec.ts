import { execFileSync } from "node:child_process";
import { renameSync, rmSync, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";

import type { DurableInbox } from "../lib/inbox/durable/durable-inbox.js";
import { sqliteInbox } from "telesign-callback/sqlite";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import { describeWithSqlite, runElsewhere, temporaryFile } from "./support/sqlite.js";

const LOST = {
  code: "ERR_INBOX",
  message: expect.stringContaining("file or its log was deleted, moved, replaced or truncated"),
  cause: { code: "ERR_FILE_LOST" },
};

/** An inbox, and what it reports. */
function open(file: string) {
  const inbox = sqliteInbox({ file });
  const { errors, listener, received } = createErrors();
  inbox.onError?.(listener);
  return { inbox, errors, reported: received };
}

/** Accepts a notification, and waits until it is stored or passed on. */
async function store(inbox: DurableInbox) {
  const message = freshNotification();
  expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
  while (inbox.waiting?.() !== 0) await setImmediate();
  return message.mo_reference_id;
}

/** The references of the notifications that another process finds in a file. */
function storedIn(file: string) {
  return runElsewhere(file, "SELECT reference FROM notification ORDER BY id");
}

describeWithSqlite("sqliteInbox, when its file is lost while it runs", () => {
  const removeAll = (file: string) => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`);
  };

  it.each([
    ["deleted", (file: string) => rmSync(file)],
    ["deleted with its log", removeAll],
    ["moved", (file: string) => renameSync(file, `${file}.moved`)],
    ["replaced", (file: string) => renameSync(`${file}.other`, file)],
    // By another process, since closing a file drops the locks that this one has on it.
    ["truncated", (file: string) => execFileSync("truncate", ["--size=0", file])],
  ])("reports the loss once and stores in a new file when the file was %s", async (_, lose) => {
    const file = temporaryFile();
    const other = open(`${file}.other`);
    await store(other.inbox);
    await other.inbox.close();
    const { inbox, errors } = open(file);
    await store(inbox);
    lose(file);
    const reference = await store(inbox);
    expect(errors).toMatchObject([LOST]);
    expect(storedIn(file)).toContainEqual({ reference });
    expect(
      await inbox.accept(freshNotification({ mo_reference_id: reference }), freshDelivery()),
    ).toBe("duplicate");
    await inbox.close();
    expect(storedIn(file)).toContainEqual({ reference });
  });

  it("creates a new file that only its owner can read", async () => {
    const file = temporaryFile();
    const { inbox } = open(file);
    await store(inbox);
    removeAll(file);
    await store(inbox);
    for (const suffix of ["", "-wal", "-shm"]) {
      expect(statSync(`${file}${suffix}`).mode & 0o777).toBe(0o600);
    }
    await inbox.close();
  });

  it("leaves what it stored before the loss in the file that was moved", async () => {
    const file = temporaryFile();
    const { inbox } = open(file);
    const reference = await store(inbox);
    renameSync(file, `${file}.moved`);
    await store(inbox);
    expect(storedIn(`${file}.moved`)).toEqual([{ reference }]);
    await inbox.close();
  });

  it("loses nothing that it stored if only the log is deleted", async () => {
    const file = temporaryFile();
    const { inbox, errors } = open(file);
    const references = [await store(inbox)];
    rmSync(`${file}-wal`);
    references.push(await store(inbox));
    expect(errors).toMatchObject([LOST]);
    expect(storedIn(file)).toEqual(references.map((reference) => ({ reference })));
    await inbox.close();
  });

  it("is not ready until it has opened a new file", async () => {
    const file = temporaryFile();
    const { inbox, reported } = open(file);
    await inbox.ready();
    rmSync(file);
    await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX", cause: LOST.cause });
    expect(await reported(1)).toMatchObject([LOST]);
    await expect(inbox.ready()).resolves.toBeUndefined();
    await inbox.close();
  });

  it("does not confuse hand-overs from the lost file with those from the new one", async () => {
    const file = temporaryFile();
    const { inbox } = open(file);
    const settlements: ((failure?: Promise<never>) => void)[] = [];
    const { handOver, received } = createReception(
      () => new Promise<void>((resolve) => settlements.push(resolve)),
    );
    inbox.consume(handOver);
    for (let count = 0; count < 8; count += 1) await store(inbox);
    await received(8);
    removeAll(file);
    const reference = await store(inbox);
    await received(9);
    for (const settle of settlements) if (settle !== settlements[8]) settle();
    await inbox.ready();
    settlements[8]?.(Promise.reject(new Error("failed")));
    const handOvers = await received(10);
    expect(handOvers[9]).toMatchObject([{ mo_reference_id: reference }, { attempt: 2 }]);
    settlements[9]?.();
    await inbox.close();
  });

  it("hands nothing over if it is closed while it opens a new file", async () => {
    const file = temporaryFile();
    const { inbox, reported } = open(file);
    await inbox.ready();
    const { handOver, handOvers } = createReception();
    inbox.consume(handOver);
    removeAll(file);
    await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX" });
    await inbox.close();
    expect(await reported(1)).toMatchObject([LOST]);
    expect(handOvers).toEqual([]);
  });

  it("still refuses a second inbox at its path in the process", async () => {
    const file = temporaryFile();
    const { inbox } = open(file);
    await store(inbox);
    // Moved, because a new file may get the inode number of a deleted one.
    renameSync(file, `${file}.moved`);
    await store(inbox);
    expect(() => sqliteInbox({ file })).toThrow("file is in use by another inbox");
    await inbox.close();
    await open(file).inbox.close();
  });
});
