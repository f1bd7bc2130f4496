import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { bullmqInbox } from "telesign-callback/bullmq";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import { startCluster, startRedis, type RedisProcess } from "./support/redis-kinds.js";
import { isThere, uniqueName } from "./support/servers.js";

const describeHere = isThere("Redis") ? describe : describe.skip;

describeHere("bullmqInbox, when Redis refuses", () => {
  let server: RedisProcess;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  function open(options: object = {}, port = server.port) {
    const connection = { host: "127.0.0.1", port, ...options };
    const inbox = bullmqInbox({ connection, queueName: uniqueName() });
    const errors = createErrors();
    inbox.onError?.(errors.listener);
    return { inbox, ...errors };
  }

  it.each<[string, object, string]>([
    ["a wrong password", { username: "reader", password: "y" }, "WRONGPASS"],
    ["a user that may not write", { username: "reader", password: "x" }, "NOPERM"],
  ])(
    "names Redis's own code for %s",
    async (_, options, code) => {
      await client.call(
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">x",
        "~*",
        "+@read",
        "+@connection",
        "+info",
      );
      const { inbox, errors, received } = open(options);
      await inbox.accept(freshNotification(), freshDelivery());
      const [error] = await received(1);
      expect(error).toMatchObject({ code: "ERR_INBOX", cause: { code } });
      expect(error?.message).toContain("Redis");
      await expect(inbox.ready()).rejects.toMatchObject({ cause: { code } });
      expect(errors).toHaveLength(1);
      await inbox.close();
    },
    20_000,
  );

  it.each<[string, object]>([
    ["that Redis does not have", { db: 99 }],
    ["that Redis does not have, without a ready check", { db: 99, enableReadyCheck: false }],
    ["that the user may not select", { db: 1, username: "narrow", password: "x" }],
  ])(
    "stores nothing in the default database, and is not ready, with a database %s",
    async (_, options) => {
      await client.call("ACL", "SETUSER", "narrow", "on", ">x", "~*", "&*", "+@all", "-select");
      await client.flushall();
      const { inbox, errors } = open(options);
      const { handOver, handOvers } = createReception();
      inbox.consume(handOver);
      expect(await inbox.accept(freshNotification(), freshDelivery())).toBe("accepted");
      await expect(inbox.ready()).rejects.toMatchObject({
        code: "ERR_INBOX",
        message: expect.stringContaining("connection.db"),
      });
      expect(await client.keys("*")).toEqual([]);
      expect(errors).toHaveLength(1);
      expect(handOvers).toEqual([]);
      await inbox.close();
    },
    20_000,
  );

  it.each([
    ["a full memory", "maxmemory", "1", "0", "OOM"],
    ["too few replicas", "min-replicas-to-write", "1", "0", "NOREPLICAS"],
  ])(
    "names Redis's own code for %s",
    async (_, setting, bad, good, code) => {
      const { inbox, received } = open();
      await inbox.ready();
      await client.config("SET", setting, bad);
      await inbox.accept(freshNotification(), freshDelivery());
      const [error] = await received(1);
      await client.config("SET", setting, good);
      expect(error).toMatchObject({ code: "ERR_INBOX", cause: { code } });
      const { handOver, received: handedOver } = createReception();
      inbox.consume(handOver);
      await handedOver(1);
      await inbox.close();
    },
    20_000,
  );

  it.each([
    ["has no memory left", ["maxmemory", "1"], ["maxmemory", "0"], "OOM"],
    [
      "misses a replica",
      ["min-replicas-to-write", "1"],
      ["min-replicas-to-write", "0"],
      "NOREPLICAS",
    ],
  ] as const)(
    "is not ready, though Redis still deletes, when it %s",
    async (_, bad, good, code) => {
      const { inbox } = open();
      await inbox.ready();
      await client.config("SET", ...bad);
      await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX", cause: { code } });
      await client.config("SET", ...good);
      await inbox.ready();
      await inbox.close();
    },
    20_000,
  );

  it.each(["hmset", "lpush", "set", "xadd"])(
    "is not ready with a user that may not run %s, which storing needs",
    async (command) => {
      await client.call("ACL", "SETUSER", "narrow", "on", ">x", "~*", "&*", "+@all", `-${command}`);
      const { inbox } = open({ username: "narrow", password: "x" });
      await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX" });
      await inbox.close();
    },
    20_000,
  );

  it("stores although Redis has forgotten its scripts", async () => {
    const { inbox } = open();
    expect(await inbox.accept(freshNotification(), freshDelivery())).toBe("accepted");
    await client.script("FLUSH");
    expect(await inbox.accept(freshNotification(), freshDelivery())).toBe("accepted");
    await inbox.close();
  }, 20_000);

  it("names Redis's own code if the server is a replica", async () => {
    const replica = await startRedis("--replicaof", "127.0.0.1", `${server.port}`);
    const reconnectOnError = jest.fn((_error: Error) => true);
    const { inbox, received } = open({ reconnectOnError }, replica.port);
    await inbox.accept(freshNotification(), freshDelivery());
    const [error] = await received(1);
    expect(error).toMatchObject({ cause: { code: "READONLY" } });
    const texts = reconnectOnError.mock.calls.map(([{ message }]) => message);
    expect(texts).toContainEqual(expect.stringContaining("READONLY"));
    expect(texts).not.toContainEqual(expect.stringContaining("NOSCRIPT"));
    await inbox.close();
    await replica.close();
  }, 20_000);

  it("names Redis's own code if a Cluster is configured as a single server", async () => {
    const node = await startCluster();
    const { inbox, received } = open({}, node.port);
    await inbox.accept(freshNotification(), freshDelivery());
    const [error] = await received(1);
    expect(error).toMatchObject({ cause: { code: "CROSSSLOT" } });
    expect(error?.message).toContain("braces around queueName");
    await inbox.close();
    await node.close();
  }, 20_000);
});

describeHere("bullmqInbox, on a queue in Redis", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());

  function open(queueName = uniqueName(), options: object = {}) {
    const connection = { host: "127.0.0.1", port: server.port };
    const inbox = bullmqInbox({ connection, queueName, ...options });
    return { inbox, queueName, connection };
  }

  it("turns a foreign job into a dead letter, and hands over the jobs after it", async () => {
    const { inbox, queueName, connection } = open();
    const { listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    const queue = new Queue(queueName, { connection });
    const { id } = await queue.add("email", { to: "somebody" });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    const [error] = await receivedErrors(1);
    expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: undefined });
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    const [letter] = await inbox.deadLetters();
    expect(letter).toMatchObject({ reference: id, error: { code: "ERR_DAMAGED" } });
    expect(await inbox.discard(id!)).toBe(true);
    await queue.close();
    await inbox.close();
  }, 20_000);

  it("turns a job whose data was damaged into a dead letter", async () => {
    const { inbox, queueName, connection } = open();
    const { listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    const queue = new Queue(queueName, { connection });
    const [job] = await queue.getWaiting();
    const client = new Redis(server.port);
    await client.hset(queue.toKey(job!.id!), "data", '{"v":1,"notif');
    inbox.consume(createReception().handOver);
    const [error] = await receivedErrors(1);
    expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: undefined });
    const letters = await inbox.deadLetters();
    expect(letters).toMatchObject([
      { reference: message.mo_reference_id, error: { code: "ERR_DAMAGED" } },
    ]);
    client.disconnect();
    await queue.close();
    await inbox.close();
  }, 20_000);

  it.each([
    ["atm", "-5"],
    ["stc", "many"],
    ["progress", '{"stalledBefore":99}'],
  ])("turns a job whose field %s was damaged into a dead letter: %s", async (field, value) => {
    const { inbox, queueName, connection } = open();
    const { listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    const queue = new Queue(queueName, { connection });
    const [job] = await queue.getWaiting();
    const client = new Redis(server.port);
    await client.hset(queue.toKey(job!.id!), field, value);
    const { handOver, handOvers } = createReception();
    inbox.consume(handOver);
    expect(await receivedErrors(1)).toMatchObject([{ code: "ERR_DEAD_LETTER" }]);
    expect(handOvers).toEqual([]);
    const [letter] = await inbox.deadLetters();
    expect(letter).toMatchObject({ message, attempts: 0, error: { code: "ERR_DAMAGED" } });
    client.disconnect();
    await queue.close();
    await inbox.close();
  });

  it("lists dead letters whose error has no code, and those that BullMQ itself made", async () => {
    const { inbox, queueName, connection } = open(undefined, { attempts: 1 });
    const { listener, received } = createErrors();
    inbox.onError?.(listener);
    inbox.consume(() => Promise.reject(new Error("words")));
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    const queue = new Queue(queueName, { connection });
    const [job] = await queue.getFailed();
    const client = new Redis(server.port);
    expect((await inbox.deadLetters())[0]?.error).toEqual({ name: "Error" });
    await client.hset(
      queue.toKey(job!.id!),
      "failedReason",
      "job stalled more than allowable limit",
    );
    expect((await inbox.deadLetters())[0]?.error).toMatchObject({ code: "ERR_CUT_SHORT" });
    expect(await inbox.discard("a reference that nobody has")).toBe(false);
    client.disconnect();
    await queue.close();
    await inbox.close();
  }, 20_000);

  it("reports an error without the notification, if that can neither be stored nor read back", async () => {
    const connection = { host: "127.0.0.1", port: 1 };
    const inbox = bullmqInbox({ connection, queueName: uniqueName(), maxBuffered: 1 });
    const { listener, received } = createErrors();
    inbox.onError?.(listener);
    // A custom schema may return this.
    await inbox.accept(freshNotification({ toJSON: () => "nothing" }), freshDelivery());
    await inbox.accept(freshNotification(), freshDelivery());
    const [, error] = await received(2);
    expect(error).toMatchObject({ code: "ERR_INBOX", notification: undefined });
    await inbox.close();
  }, 20_000);

  it("rejects an operator's call with Redis's own code, and without Redis's text", async () => {
    const { inbox, queueName, connection } = open();
    const queue = new Queue(queueName, { connection });
    const client = new Redis(server.port);
    await client.set(queue.toKey("failed"), "no list");
    await expect(inbox.deadLetters()).rejects.toMatchObject({
      code: "ERR_INBOX",
      cause: { code: "WRONGTYPE", message: "" },
    });
    client.disconnect();
    await queue.close();
    await inbox.close();
  }, 20_000);

  it("keeps a dead letter if Redis refuses to redrive or discard it, and rejects with Redis's code", async () => {
    const { inbox } = open(undefined, { attempts: 1 });
    const { listener, received } = createErrors();
    inbox.onError?.(listener);
    const stop = inbox.consume(() => Promise.reject(new Error("not now")));
    const message = freshNotification();
    const reference = message.mo_reference_id;
    await inbox.accept(message, freshDelivery());
    await received(1);
    await stop();
    const client = new Redis(server.port);
    await client.config("SET", "min-replicas-to-write", "1");
    const refusal = { code: "ERR_INBOX", cause: { code: "NOREPLICAS" } };
    await expect(inbox.redrive(reference)).rejects.toMatchObject(refusal);
    await expect(inbox.discard(reference)).rejects.toMatchObject(refusal);
    await client.config("SET", "min-replicas-to-write", "0");
    expect(await inbox.deadLetters()).toMatchObject([{ reference }]);
    client.disconnect();
    await inbox.close();
  }, 20_000);

  it("refuses a second inbox of this process on its queue, until the first is closed", async () => {
    const { inbox, queueName } = open();
    expect(() => open(queueName)).toThrow(TypeError);
    expect(() => open(queueName)).toThrow("queueName is in use");
    for (const host of ["localhost", "LOCALHOST", "0.0.0.0", "[::1]"]) {
      const connection = { url: `redis://${host}:${server.port}/0` };
      expect(() => bullmqInbox({ connection, queueName })).toThrow("queueName is in use");
    }
    await inbox.close();
    await open(queueName).inbox.close();
  }, 20_000);

  it("removes the jobs with which ready() probes Redis, and never hands them over", async () => {
    const { inbox, queueName, connection } = open();
    const { listener, errors } = createErrors();
    inbox.onError?.(listener);
    const { handOver, handOvers, received } = createReception();
    inbox.consume(handOver);
    for (let count = 0; count < 20; count += 1) await inbox.ready();
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    await inbox.close();
    const queue = new Queue(queueName, { connection });
    expect(await queue.getJobs()).toEqual([]);
    expect(handOvers).toHaveLength(1);
    expect(errors).toEqual([]);
    await queue.close();
  }, 20_000);

  it("passes telemetry on to BullMQ", async () => {
    const span = {
      setAttributes() {},
      setAttribute() {},
      setSpanOnContext: (context: unknown) => context,
      addEvent() {},
      recordException() {},
      end() {},
    };
    const startSpan = jest.fn(() => span);
    const telemetry = {
      tracer: { startSpan },
      contextManager: {
        active: () => ({}),
        with: (_: unknown, run: () => unknown) => run(),
        getMetadata: () => "",
        fromMetadata: (context: unknown) => context,
      },
    };
    const { inbox, queueName } = open(undefined, { telemetry });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    await inbox.close();
    const names = startSpan.mock.calls.map(([name]: unknown[]) => name);
    expect(names).toEqual(
      expect.arrayContaining([`add ${queueName}.notification`, `process ${queueName}`]),
    );
  }, 20_000);

  it.each([{}, null, { tracer: {} }, "otel"])("refuses %j as telemetry", (telemetry) => {
    expect(() => open(undefined, { telemetry })).toThrow("telemetry");
  });
});
