import { once } from "node:events";
import { inspect } from "node:util";

import { createPostgresBackend, runMigrations, Worker, type Job } from "bullmq";
import { Redis } from "ioredis";
import { Pool } from "pg";
import type { HandOver, Inbox } from "telesign-callback";
import { bullmqInbox, type BullmqInboxOptions } from "telesign-callback/bullmq";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import {
  describeOnEachEngine,
  inboxOfAnotherProcess,
  inboxOn,
  isThere,
  POSTGRES_URL,
  queueOn,
  redisServer,
  uniqueName,
  withPool,
  type TestEngine,
} from "./support/servers.js";

/** Takes a job like a process that dies during the hand-over: the job's lock runs out. */
async function takeAndDie(engine: TestEngine, queueName: string) {
  const options = engine.options();
  const settings = { lockDuration: 50, autorun: false };
  const worker =
    options.backend === undefined
      ? new Worker(queueName, null, { ...settings, connection: options.connection })
      : new Worker(
          queueName,
          null,
          { ...settings, connection: options.connection },
          options.backend,
        );
  await worker.waitUntilReady();
  expect(await worker.getNextJob("token", { block: true })).toBeDefined();
  await worker.close(true);
}

/** Polls, because no event announces the change. */
async function until(isSo: () => Promise<boolean>) {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describeOnEachEngine("bullmqInbox", (_, engine) => {
  let queueName: string;
  const inboxes: Inbox[] = [];
  beforeAll(() => engine.start());
  afterAll(() => engine.close());
  beforeEach(() => {
    queueName = uniqueName();
  });
  afterEach(async () => {
    await Promise.all(inboxes.splice(0).map((inbox) => inbox.close()));
  });

  function open(options: object = {}) {
    const { errors, listener, received: receivedErrors } = createErrors();
    const inbox = inboxOn(engine, { queueName, ...options });
    inbox.onError?.(listener);
    inboxes.push(inbox);
    return { inbox, errors, receivedErrors };
  }

  async function withQueue<T>(use: (queue: ReturnType<typeof queueOn>) => Promise<T>) {
    const queue = queueOn(engine, queueName);
    try {
      return await use(queue);
    } finally {
      await queue.close();
    }
  }

  it("hands a notification over once, even if two processes receive it at the same time", async () => {
    const other = inboxOfAnotherProcess(engine, { queueName });
    const receivers = [open().inbox, other] as const;
    const { handOver, handOvers, received } = createReception();
    receivers.forEach((inbox) => inbox.consume(handOver));
    const messages = Array.from({ length: 100 }, () => freshNotification());
    await Promise.all(
      messages.flatMap((message) =>
        receivers.map(async (inbox) => inbox.accept(message, freshDelivery())),
      ),
    );
    await received(100);
    await Promise.all(receivers.map((inbox) => inbox.close()));
    const references = handOvers.map(([message]) => message.mo_reference_id);
    expect(references.sort()).toEqual(messages.map((message) => message.mo_reference_id).sort());
  }, 20_000);

  it("neither reports nor hands over anything while another process calls ready()", async () => {
    const { inbox, errors } = open();
    const { handOver, handOvers } = createReception();
    inbox.consume(handOver);
    const other = inboxOfAnotherProcess(engine, { queueName });
    inboxes.push(other);
    for (let count = 0; count < 200; count += 1) await other.ready();
    await withQueue(async (queue) => expect(await queue.getJobs()).toEqual([]));
    await inbox.close();
    expect(errors).toEqual([]);
    expect(handOvers).toEqual([]);
  }, 20_000);

  it("hands a notification over again when a listener fails, and counts the attempts", async () => {
    const { inbox } = open();
    let failures = 1;
    const { handOver, received } = createReception(() => {
      if (failures-- > 0) throw new Error("not now");
    });
    inbox.consume(handOver);
    const message = freshNotification();
    const delivery = freshDelivery();
    await inbox.accept(message, delivery);
    expect(await received(2)).toEqual([
      [message, delivery],
      [message, { ...delivery, attempt: 2 }],
    ]);
  }, 20_000);

  describe("when a listener fails on every attempt", () => {
    const words = "to 15551230001: the words of a person";
    const cause = Object.assign(new Error(words), { code: "EWORDS" });

    async function fail() {
      const { inbox, receivedErrors } = open({ attempts: 1 });
      let isFailing = true;
      const { handOver, received } = createReception(() => {
        if (isFailing) throw cause;
      });
      inbox.consume(handOver);
      const message = freshNotification();
      await inbox.accept(message, freshDelivery());
      const [error] = await receivedErrors(1);
      return { message, error, received, recover: () => (isFailing = false) };
    }

    it("reports a dead letter, with the notification and the listener's own error", async () => {
      const { error, message } = await fail();
      expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: message });
      expect(error?.cause).toBe(cause);
    }, 20_000);

    it("stores only the name and the code of the listener's error", async () => {
      await fail();
      const [job] = await withQueue((queue) => queue.getFailed());
      expect(job?.failedReason).toBe("a listener failed: Error EWORDS");
      expect(inspect({ ...job, data: undefined, queue: undefined }, { depth: 3 })).not.toContain(
        "words",
      );
    }, 20_000);

    it.each<[string, unknown]>([
      ["a text", "a person's words"],
      ["nothing", undefined],
      ["an error with an odd name", oddError()],
    ])(
      "stores nothing of what the listener failed with if it is %s",
      async (_, thrown) => {
        const { inbox, receivedErrors } = open({ attempts: 1 });
        const fail: HandOver = jest.fn().mockRejectedValue(thrown);
        inbox.consume(fail);
        await inbox.accept(freshNotification(), freshDelivery());
        const [error] = await receivedErrors(1);
        expect(error?.cause).toBe(thrown);
        const [job] = await withQueue((queue) => queue.getFailed());
        expect(job?.failedReason).toBe("a listener failed: Error");
      },
      20_000,
    );

    it("hands the dead letter over again when a person retries it", async () => {
      const { message, received, recover } = await fail();
      recover();
      await withQueue(async (queue) => {
        const [job] = await queue.getFailed();
        await job?.retry("failed");
      });
      const handOvers = await received(2);
      expect(handOvers[1]).toEqual([message, expect.objectContaining({ attempt: 2 })]);
    }, 20_000);
  });

  it("repeats a hand-over that a crash cut short, and counts it as an attempt", async () => {
    const { inbox } = open({ lockDuration: 400 });
    await inbox.accept(freshNotification(), freshDelivery());
    await takeAndDie(engine, queueName);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    const [[, delivery] = []] = await received(1);
    expect(delivery?.attempt).toBe(2);
  }, 20_000);

  it("makes a dead letter, without another hand-over, once every attempt has ended in a crash", async () => {
    const { inbox, receivedErrors } = open({ lockDuration: 400, attempts: 1 });
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await takeAndDie(engine, queueName);
    const { handOver, handOvers } = createReception();
    inbox.consume(handOver);
    const [error] = await receivedErrors(1);
    expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: message });
    expect(error).not.toHaveProperty("cause");
    expect(handOvers).toEqual([]);
  }, 20_000);

  it("leaves a notification that a newer release stored to that release", async () => {
    const { inbox, errors } = open();
    await withQueue(async (queue) => {
      const { id } = await queue.add("notification", { v: 3 }, { attempts: 3 });
      inbox.consume(createReception().handOver);
      await until(async () => (await queue.getJobState(id ?? "")) === "delayed");
      const job = (await queue.getJob(id ?? "")) as Job;
      expect(job.attemptsMade).toBe(0);
    });
    expect(errors).toEqual([]);
  }, 20_000);

  it("finishes the hand-over under way when it is closed, and stores its result", async () => {
    const { inbox } = open();
    let finish = () => {};
    const { handOver, received } = createReception(
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    const closed = inbox.close();
    finish();
    await closed;
    expect(await withQueue((queue) => queue.getJobCountByTypes("active", "waiting"))).toBe(0);
  }, 20_000);

  it("reports an error that is not an outage, and keeps storing", async () => {
    const { inbox, receivedErrors } = open();
    const { handOver, received } = createReception(async () => {
      await withQueue((queue) => queue.obliterate({ force: true }));
    });
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    expect(await receivedErrors(1)).toEqual([
      expect.objectContaining({ code: "ERR_INBOX", message: TROUBLE }),
    ]);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(2);
  }, 20_000);

  it("forgets a reference after dedupeTtl", async () => {
    const { inbox } = open({ dedupeTtl: 1 });
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await until(async () => (await inbox.accept(message, freshDelivery())) === "accepted");
  }, 20_000);

  it("accepts any reference that a custom schema lets through", async () => {
    const { inbox } = open();
    const message = freshNotification({ mo_reference_id: "odd: \u0000 \ud83d" });
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    expect(await inbox.accept(message, freshDelivery())).toBe("duplicate");
  }, 20_000);
});

const TROUBLE = "the inbox's engine reported an error but is still reachable";

function oddError() {
  return Object.assign(new Error("words"), { name: "+1 555 1230001", code: 15551230001 });
}

describe("bullmqInbox, with migrations left to the user", () => {
  const describeHere = isThere("PostgreSQL") ? describe : describe.skip;
  describeHere("on PostgreSQL", () => {
    const schema = uniqueName();
    let pool: Pool;
    beforeEach(() => {
      pool = new Pool({ connectionString: POSTGRES_URL, options: `-c search_path=${schema}` });
    });
    afterEach(async () => {
      await pool.end();
      await withPool((other) => other.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`));
      await withPool((other) => other.query('DROP SCHEMA IF EXISTS "bullmq" CASCADE'));
    }, 20_000);

    function openOnPool() {
      const { errors, listener, received: receivedErrors } = createErrors();
      const queueName = uniqueName();
      const inbox = bullmqInbox({ connection: pool, backend: createPostgresBackend, queueName });
      inbox.onError?.(listener);
      return { inbox, errors, receivedErrors };
    }

    it("reports once that the schema is missing, and hands notifications over at once", async () => {
      const { inbox, errors, receivedErrors } = openOnPool();
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const [error] = await receivedErrors(1);
      expect(error).toMatchObject({ code: "ERR_INBOX" });
      expect(error?.message).toContain("runMigrations");
      const message = freshNotification();
      await inbox.accept(message, freshDelivery());
      expect(await received(1)).toEqual([[message, expect.anything()]]);
      await inbox.close();
      expect(errors).toHaveLength(1);
    }, 20_000);

    it("stores notifications as soon as the schema is there, and leaves the user's pool open", async () => {
      const { inbox, receivedErrors } = openOnPool();
      await receivedErrors(1);
      await migrate(pool, "bullmq");
      await migrate(pool, schema);
      await until(async () => {
        await inbox.accept(freshNotification(), freshDelivery());
        const { rows } = await pool.query(
          `SELECT 1 FROM "${schema}".job WHERE name = 'notification'`,
        );
        return rows.length > 0;
      });
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await received(1);
      await inbox.close();
      expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
      expect(pool.listenerCount("error")).toBe(0);
    }, 20_000);

    it("creates no schema with skipMigrations, and reports that it is missing", async () => {
      const connection = { connectionString: POSTGRES_URL, schema, skipMigrations: true };
      const { listener, received: receivedErrors } = createErrors();
      const inbox = bullmqInbox({ connection, backend: createPostgresBackend });
      inbox.onError?.(listener);
      const [error] = await receivedErrors(1);
      expect(error?.message).toContain("runMigrations");
      await inbox.close();
    }, 20_000);

    it("deletes references that have expired", async () => {
      await migrate(pool, "bullmq");
      await migrate(pool, schema);
      const options = { connection: pool, backend: createPostgresBackend, queueName: "pruned" };
      const first = bullmqInbox({ ...options, dedupeTtl: 1 });
      await first.accept(freshNotification(), freshDelivery());
      await first.close();
      const second = bullmqInbox(options);
      await until(async () => (await pool.query("SELECT * FROM dedup")).rows.length === 0);
      await second.close();
    }, 20_000);
  });
});

async function migrate(pool: Pool, schema: string) {
  const client = await pool.connect();
  await runMigrations(client, schema);
  client.release();
}

describe("bullmqInbox, with the user's own client", () => {
  const describeHere = isThere("Redis") ? describe : describe.skip;
  describeHere("on Redis", () => {
    const engine = redisServer();
    beforeAll(() => engine.start());
    afterAll(() => engine.close());

    async function openClient() {
      const { connection } = engine.options() as { connection: { port: number } };
      const client = new Redis(connection.port, { maxRetriesPerRequest: null });
      await once(client, "ready");
      return client;
    }

    it("stores and hands over on that client's server, and leaves the client open", async () => {
      const client = await openClient();
      const inbox = bullmqInbox({ connection: client, queueName: uniqueName() });
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await inbox.accept(freshNotification(), freshDelivery());
      await received(1);
      await inbox.close();
      expect(await client.ping()).toBe("PONG");
      client.disconnect();
    }, 20_000);

    it("hands over notifications that were accepted while Redis hung", async () => {
      const client = await openClient();
      client.on("error", () => {});
      const inbox = bullmqInbox({ connection: client, queueName: uniqueName() });
      const { handOver, received } = createReception();
      await inbox.accept(freshNotification(), freshDelivery());
      engine.hang();
      await inbox.accept(freshNotification(), freshDelivery());
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      engine.resume();
      inbox.consume(handOver);
      expect(await received(2)).toHaveLength(2);
      await inbox.close();
      client.disconnect();
    }, 20_000);
  });
});

describe("bullmqInbox, given options", () => {
  const connection = { host: "127.0.0.1" };

  it.each<[string, object]>([
    ["connection", {}],
    ["connection", { connection: null }],
    ["connection", { connection: "redis://127.0.0.1" }],
    ["connection", { connection: undefined }],
    ["connection", { connection: { connectionString: "postgres://127.0.0.1" } }],
    ["connection", { connection: new Pool() }],
    ["backend", { connection, backend: "postgres" }],
    ["queueName", { connection, queueName: "a:b" }],
    ["queueName", { connection, queueName: "" }],
    ["queueName", { connection, queueName: 1 }],
    ["attempts", { connection, attempts: 0 }],
    ["attempts", { connection, attempts: null }],
    ["dedupeTtl", { connection, dedupeTtl: "1" }],
    ["concurrency", { connection, concurrency: -1 }],
    ["lockDuration", { connection, lockDuration: 0.5 }],
    ["maxBuffered", { connection, maxBuffered: Infinity }],
    ["retries", { connection, retries: 3 }],
  ])("refuses a bad %s at once", (name, options) => {
    expect(() => bullmqInbox(options as BullmqInboxOptions)).toThrow(TypeError);
    expect(() => bullmqInbox(options as BullmqInboxOptions)).toThrow(name);
  });

  it.each([
    ["ioredis", { connection }],
    ["pg", { connection: "postgres://127.0.0.1", backend: createPostgresBackend }],
  ])("says at once that %s is not installed", (driver, options) => {
    jest.isolateModules(() => {
      jest.doMock(driver, () => {
        throw new Error("not found");
      });
      const { bullmqInbox } = jest.requireActual<typeof import("telesign-callback/bullmq")>(
        "telesign-callback/bullmq",
      );
      expect(() => bullmqInbox(options as BullmqInboxOptions)).toThrow(`npm install ${driver}`);
      jest.dontMock(driver);
    });
  });
});
