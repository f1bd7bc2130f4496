import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TelesignCallbackError } from "telesign-callback";

import { bullmqInbox } from "../lib/bullmq/bullmq-inbox.js";
import type { DeadLetter, DurableInbox } from "../lib/inbox/durable/durable-inbox.js";
import { sqliteInbox } from "../lib/sqlite/sqlite-inbox.js";
import { linesOf, run } from "./support/command-line.js";
import { fresh } from "./support/notifications.js";

jest.mock("bullmq", () => ({ createPostgresBackend: "createPostgresBackend" }));
jest.mock("../lib/bullmq/bullmq-inbox.js", () => ({ bullmqInbox: jest.fn() }));
jest.mock("../lib/sqlite/sqlite-inbox.js", () => ({ sqliteInbox: jest.fn() }));

const failedAt = new Date("2026-03-01T12:00:00Z");

/** A dead letter whose listener failed with ECONNREFUSED. */
function letterOf(reference: string, text = "See you\u001b there"): DeadLetter {
  const message = fresh({ mo_reference_id: reference, mo_message: text });
  const error = { name: "Error", code: "ECONNREFUSED" };
  return { message, reference, attempts: 12, failedAt, error };
}

/** A durable inbox that holds nothing but dead letters. */
function createFakeInbox(letters: DeadLetter[], overrides: Partial<DurableInbox> = {}) {
  const remove = (reference: string) => {
    const index = letters.findIndex((letter) => letter.reference === reference);
    return Promise.resolve(letters.splice(index, index < 0 ? 0 : 1).length > 0);
  };
  const inbox = {
    accept: jest.fn(),
    consume: jest.fn(),
    ready: jest.fn(() => Promise.resolve()),
    deadLetters: jest.fn(({ limit = 100 } = {}) => Promise.resolve(letters.slice(0, limit))),
    redrive: jest.fn(remove),
    discard: jest.fn(remove),
    close: jest.fn(() => Promise.resolve()),
  };
  Object.assign(inbox, overrides);
  jest.mocked(bullmqInbox).mockReturnValue(inbox);
  jest.mocked(sqliteInbox).mockReturnValue(inbox);
  return inbox;
}

const url = "redis://secret:secret@127.0.0.1:9";
const onRedis = ["dead-letters", "--redis", url];
const failed = "2026-03-01T12:00:00.000Z";

describe("telesign-callback dead-letters", () => {
  it("lists the dead letters without phone numbers and texts, and exits 0", async () => {
    const inbox = createFakeInbox([letterOf("R1"), letterOf("R\u001b2")]);
    expect(await run(onRedis)).toEqual({
      status: 0,
      out:
        `${failed}  R1  hand-overs: 12  Error ECONNREFUSED\n` +
        `${failed}  R\\u001b2  hand-overs: 12  Error ECONNREFUSED\n` +
        "dead letters: 2\n",
      err: "",
    });
    expect(inbox.consume).not.toHaveBeenCalled();
    expect(inbox.close).toHaveBeenCalledTimes(1);
  });

  it("prints phone numbers and texts with --show", async () => {
    const locked = { ...letterOf("R2"), message: undefined, error: { name: "Error" } };
    createFakeInbox([letterOf("R1"), locked]);
    const { out } = await run([...onRedis, "--show"]);
    expect(out).toBe(
      `${failed}  R1  hand-overs: 12  Error ECONNREFUSED\n` +
        "    15551234 → 15554567  See you\\u001b there\n" +
        `${failed}  R2  hand-overs: 12  Error\n` +
        "    (unreadable: damaged, of a newer release, or no key in TELESIGN_CALLBACK_ENCRYPTION_KEY opens it)\n" +
        "dead letters: 2\n",
    );
  });

  it.each([
    ["without phone numbers and texts", []],
    ["with phone numbers and texts if --show is given", ["--show"]],
  ])("prints lines of JSON with --json, %s", async (_, flags) => {
    const letter = letterOf("R1");
    createFakeInbox([letter]);
    const { out } = await run([...onRedis, "--json", ...flags]);
    const { message, ...rest } = letter;
    expect(linesOf(out)).toEqual([
      {
        event: "deadLetter",
        ...rest,
        failedAt: failed,
        ...(flags.length > 0 && { message }),
      },
      { event: "summary", deadLetters: 1, hasMore: false },
    ]);
  });

  it("lists at most --limit dead letters, and says if there are more", async () => {
    createFakeInbox([letterOf("R1"), letterOf("R2"), letterOf("R3")]);
    const { out } = await run([...onRedis, "--limit", "2"]);
    expect(out).not.toMatch("R3");
    expect(out).toMatch(/^dead letters: 2 shown, the oldest; see --limit for more\n$/m);
    const { out: json } = await run([...onRedis, "--limit", "2", "--json"]);
    expect(linesOf(json).at(-1)).toEqual({ event: "summary", deadLetters: 2, hasMore: true });
    expect((await run([...onRedis, "--limit", "3"])).out).toMatch(/^dead letters: 3\n$/m);
  });

  it("redrives every given reference", async () => {
    const inbox = createFakeInbox([letterOf("R1"), letterOf("R2"), letterOf("R3")]);
    const { status, out } = await run([...onRedis, "--redrive", "R1", "--redrive", "R3"]);
    expect(status).toBe(0);
    expect(out).toBe(
      "R1  redriven: a process with a message listener gets it again\n" +
        "R3  redriven: a process with a message listener gets it again\n",
    );
    expect(inbox.redrive.mock.calls).toEqual([["R1"], ["R3"]]);
    expect(inbox.discard).not.toHaveBeenCalled();
    expect((await run(onRedis)).out).toMatch(/R2[^]*dead letters: 1\n/);
  });

  it("discards the dead letter of each reference, and exits 1 if one has none", async () => {
    const inbox = createFakeInbox([letterOf("R1")]);
    const { status, out } = await run([...onRedis, "--discard", "R0", "--discard", "R1"]);
    expect(status).toBe(1);
    expect(out).toBe("R0  no dead letter has this reference\nR1  discarded\n");
    expect(inbox.redrive).not.toHaveBeenCalled();
    const { out: json } = await run([...onRedis, "--discard", "R1", "--json"]);
    expect(linesOf(json)).toEqual([{ event: "notFound", reference: "R1" }]);
  });
});

describe("telesign-callback dead-letters, opening an inbox,", () => {
  const env = { TELESIGN_CALLBACK_ENCRYPTION_KEY: "a2V5MQ==, a2V5Mg==" };
  const encryptionKey = ["a2V5MQ==", "a2V5Mg=="];

  it.each<[string, string[], object, object?]>([
    ["Redis", ["--redis", url], { connection: { url } }],
    ["Redis", ["--redis", url], { connection: { url }, encryptionKey }, env],
    ["Redis", ["--redis", "rediss://a"], { connection: { url: "rediss://a" } }],
    [
      "PostgreSQL",
      ["--postgres", "postgresql://a/b", "--schema", "telesign"],
      {
        connection: {
          connectionString: "postgresql://a/b",
          schema: "telesign",
          skipMigrations: true,
        },
        backend: "createPostgresBackend",
      },
    ],
    [
      "PostgreSQL",
      ["--postgres", "postgresql://a/b", "--queue", "texts"],
      {
        connection: { connectionString: "postgresql://a/b", skipMigrations: true },
        backend: "createPostgresBackend",
        queueName: "texts",
        encryptionKey,
      },
      env,
    ],
  ])(
    "passes its flags and the encryption keys to bullmqInbox, for %s: case %#",
    async (_, flags, options, given = {}) => {
      createFakeInbox([]);
      expect(await run(["dead-letters", ...flags], { env: { ...given } })).toMatchObject({
        status: 0,
        out: "dead letters: 0\n",
      });
      expect(bullmqInbox).toHaveBeenLastCalledWith(options);
    },
  );

  it("opens a SQLite file that exists, and creates none", async () => {
    createFakeInbox([]);
    const folder = await mkdtemp(join(tmpdir(), "telesign-callback-"));
    const file = join(folder, "secret.db");
    expect(await run(["dead-letters", "--sqlite", file])).toEqual({
      status: 2,
      out: "",
      err:
        "telesign-callback dead-letters: the file given with --sqlite does not exist\n" +
        "Try 'telesign-callback dead-letters --help'.\n",
    });
    expect(sqliteInbox).not.toHaveBeenCalled();
    await writeFile(file, "");
    expect((await run(["dead-letters", "--sqlite", file], { env })).status).toBe(0);
    expect(sqliteInbox).toHaveBeenLastCalledWith({ file, encryptionKey });
    await run(["dead-letters", "--sqlite", file]);
    expect(sqliteInbox).toHaveBeenLastCalledWith({ file });
    await rm(folder, { recursive: true });
  });

  it.each<[number, Error, string]>([
    [2, new TypeError("queueName must be a string"), "--queue must be a string"],
    [2, new TypeError("connection.url is bad"), "--redis is bad"],
    [
      2,
      new TypeError("encryptionKey must be 32 bytes"),
      "TELESIGN_CALLBACK_ENCRYPTION_KEY must be 32 bytes as base64, or several such keys " +
        "separated by commas",
    ],
    [1, new Error("install ioredis"), "install ioredis"],
    [1, Object.assign(new Error("secret"), { code: "ENOENT" }), "cannot open: ENOENT"],
    [
      1,
      new Error("Cannot find module 'bullmq'\nRequire stack: secret"),
      "BullMQ is not installed: npm install bullmq, and ioredis or pg",
    ],
  ])("exits %i and says why it cannot: case %#", async (status, error, fault) => {
    jest.mocked(bullmqInbox).mockImplementation(() => {
      throw error;
    });
    expect(await run(onRedis)).toEqual({
      status,
      out: "",
      err:
        `telesign-callback dead-letters: ${fault}\n` +
        (status === 2 ? "Try 'telesign-callback dead-letters --help'.\n" : ""),
    });
  });
});

describe("telesign-callback dead-letters, when the engine fails", () => {
  const refused = Object.assign(new Error("connect secret"), { code: "ECONNREFUSED" });
  const ours = (details = {}) => new TelesignCallbackError("ERR_INBOX", "no write", details);

  it.each<[string, Error]>([
    ["no write: ECONNREFUSED", ours({ cause: refused })],
    ["no write", ours()],
    ["the engine failed: ECONNREFUSED", refused],
    ["the engine failed: ReplyError", Object.assign(new Error("secret"), { name: "ReplyError" })],
  ])("exits 1, prints %j and closes the inbox", async (fault, error) => {
    const ready = () => Promise.reject(error);
    const inbox = createFakeInbox([letterOf("R1")], { ready });
    const { status, out, err } = await run([...onRedis, "--discard", "R1"]);
    expect(status).toBe(1);
    expect(out).toBe("");
    expect(err).toBe(`telesign-callback dead-letters: ${fault}\n`);
    expect(inbox.discard).not.toHaveBeenCalled();
    expect(inbox.close).toHaveBeenCalledTimes(1);
  });

  it("exits 1 after --timeout when the engine does not answer, not even to close", async () => {
    const never = () => new Promise<never>(() => {});
    createFakeInbox([], { deadLetters: never, close: never });
    expect(await run([...onRedis, "--timeout", "5"])).toEqual({
      status: 1,
      out: "",
      err: "telesign-callback dead-letters: the engine failed: ETIMEDOUT\n",
    });
  });
});
