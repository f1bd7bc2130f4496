import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";

import express from "express";
import { Client } from "pg";
import { telesignCallback, type MessageNotification } from "telesign-callback";
import { sqliteInbox } from "telesign-callback/sqlite";
import { deliver } from "telesign-callback/testing";

import { linesOf, run, runBuilt } from "./support/command-line.js";
import { fresh } from "./support/notifications.js";
import { describeOnEachEngine, inboxOn } from "./support/servers.js";
import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";

// These specs start programs and engines, on machines that may be busy.
jest.setTimeout(60_000);

const encryptionKey = randomBytes(32).toString("base64");
const otherKey = randomBytes(32).toString("base64");
const env = { TELESIGN_CALLBACK_ENCRYPTION_KEY: `${otherKey},${encryptionKey}` };

type OpenInbox = (options: {
  attempts: number;
  encryptionKey: string;
}) => ReturnType<typeof sqliteInbox>;

/** A receiver whose listener fails until it is mended. */
function createBrokenReceiver(openInbox: OpenInbox) {
  const callback = telesignCallback({ inbox: openInbox({ attempts: 1, encryptionKey }) });
  const failed: unknown[] = [];
  let isBroken = true;
  let wake = () => {};
  const handled = new Promise<MessageNotification>((resolve) => {
    callback.onMessage((message) => {
      if (isBroken) throw new RangeError("broken");
      resolve(message);
    });
  });
  callback.on("error", ({ code }) => {
    if (code === "ERR_DEAD_LETTER") failed.push(code);
    wake();
  });
  return {
    app: express().use(callback),
    handled,
    mend: () => (isBroken = false),
    async untilDead(count: number) {
      while (failed.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    close: () => callback.close(),
  };
}

/** Lists, redrives and discards from a shell, while the receiver runs in this process. */
async function lookAfter(openInbox: OpenInbox, flags: string[]) {
  const receiver = createBrokenReceiver(openInbox);
  const messages = [fresh({ mo_message: "first" }), fresh({ mo_message: "second" })];
  for (const [index, message] of messages.entries()) {
    await deliver(receiver.app, message);
    await receiver.untilDead(index + 1);
  }
  const [first, second] = messages.map((message) => message.mo_reference_id) as [string, string];
  const command = ["dead-letters", ...flags, "--json"];
  const listed = await runBuilt([...command, "--show"], env);
  const locked = await runBuilt([...command, "--show"]);
  receiver.mend();
  const redriven = await runBuilt([...command, "--redrive", first], env);
  const handled = await receiver.handled;
  const discarded = await runBuilt([...command, "--discard", second], env);
  const left = await runBuilt([...command], env);
  await receiver.close();
  return { messages, listed, locked, redriven, handled, discarded, left };
}

/** The dead letters, sorted by reference. Specs of the inboxes check the order of listing. */
function lettersIn(out: string): unknown[] {
  const lines = linesOf(out) as { event: string; reference: string }[];
  return lines
    .filter(({ event }) => event === "deadLetter")
    .sort((one, other) => (one.reference < other.reference ? -1 : 1));
}

function itLooksAfter(openInbox: OpenInbox, flags: () => string[]) {
  it("lists dead letters, redrives to the running receiver and discards, with encryption keys from the environment", async () => {
    const seen = await lookAfter(openInbox, flags());
    const letters = seen.messages.map((message) => ({
      event: "deadLetter",
      reference: message.mo_reference_id,
      attempts: 1,
      failedAt: expect.any(String) as unknown,
      error: { name: "RangeError" },
      message,
    }));
    expect(seen.listed).toMatchObject({ status: 0, err: "" });
    expect(lettersIn(seen.listed.out)).toEqual(letters);
    const locked = letters.map(({ message: _message, ...letter }) => letter);
    expect(lettersIn(seen.locked.out)).toEqual(locked);
    const [first, second] = seen.messages;
    expect(seen.handled).toEqual(first);
    expect(linesOf(seen.redriven.out)).toEqual([
      { event: "redriven", reference: first?.mo_reference_id },
    ]);
    expect(linesOf(seen.discarded.out)).toEqual([
      { event: "discarded", reference: second?.mo_reference_id },
    ]);
    expect(linesOf(seen.left.out)).toEqual([{ event: "summary", deadLetters: 0, hasMore: false }]);
  });
}

describeOnEachEngine("telesign-callback dead-letters", (name, engine) => {
  beforeAll(() => engine.start());
  afterAll(() => engine.close());

  const connection = () =>
    engine.options().connection as { port?: number; connectionString?: string };

  if (name === "Redis") {
    const flags = () => ["--redis", `redis://127.0.0.1:${connection().port}`, "--queue", "spec"];
    itLooksAfter((options) => inboxOn(engine, options), flags);
    return;
  }
  const flags = () => ["--postgres", String(connection().connectionString), "--queue", "spec"];

  itLooksAfter(
    (options) =>
      inboxOn(engine, { ...options, connection: { ...connection(), schema: "telesign" } }),
    () => [...flags(), "--schema", "telesign"],
  );

  it("says that the schema may be wrong, and creates none", async () => {
    const { status, out, err } = await run(["dead-letters", ...flags()]);
    expect(err).toBe(
      "telesign-callback dead-letters: the database has no inbox in schema bullmq; is --schema right?\n",
    );
    expect({ status, out }).toEqual({ status: 1, out: "" });
    const client = new Client(connection());
    await client.connect();
    const { rows } = await client.query("SELECT FROM pg_namespace WHERE nspname = 'bullmq'");
    expect(rows).toEqual([]);
    await client.end();
  });
});

describeWithSqlite("telesign-callback dead-letters (SQLite)", () => {
  const file = temporaryFile();
  itLooksAfter(
    (options) => sqliteInbox({ file, ...options }),
    () => ["--sqlite", file],
  );

  it("says that a file is not a database", async () => {
    const foreign = temporaryFile();
    writeFileSync(foreign, "x".repeat(4_096));
    expect(await runBuilt(["dead-letters", "--sqlite", foreign])).toEqual({
      status: 1,
      out: "",
      err: "telesign-callback dead-letters: file is not a SQLite database: SQLITE_NOTADB\n",
    });
  });

  it.each(["", "too short", `${encryptionKey},`])(
    "names the variable of a bad encryption key, and repeats nothing of it: %j",
    async (key) => {
      const command = ["dead-letters", "--sqlite", file];
      const { status, err } = await runBuilt(command, { TELESIGN_CALLBACK_ENCRYPTION_KEY: key });
      expect(status).toBe(2);
      expect(err).toBe(
        "telesign-callback dead-letters: TELESIGN_CALLBACK_ENCRYPTION_KEY must be 32 bytes " +
          "as base64, or several such keys separated by commas\n" +
          "Try 'telesign-callback dead-letters --help'.\n",
      );
    },
  );
});
