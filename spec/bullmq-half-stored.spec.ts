import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { bullmqInbox, type DurableInbox } from "telesign-callback/bullmq";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import { startRedis, type RedisProcess } from "./support/redis-kinds.js";
import { isThere, uniqueName } from "./support/servers.js";

const describeHere = isThere("Redis") ? describe : describe.skip;

describeHere("bullmqInbox, when Redis fails halfway through storing,", () => {
  let server: RedisProcess;
  let client: Redis;
  let queueName: string;
  const inboxes: DurableInbox[] = [];
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  beforeEach(() => (queueName = uniqueName()));
  afterEach(() => Promise.all(inboxes.splice(0).map((inbox) => inbox.close())));
  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  function open(options: object = {}) {
    const connection = { host: "127.0.0.1", port: server.port, ...options };
    const inbox = bullmqInbox({ connection, queueName });
    inboxes.push(inbox);
    const { errors, listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    return { inbox, errors, receivedErrors };
  }

  function allow(...rules: string[]) {
    return client.call("ACL", "SETUSER", "narrow", "on", ">x", "~*", "&*", "+@all", ...rules);
  }

  /** Resolves when Redis has answered with `count` more errors. */
  async function refusals(count: number) {
    const refused = async () => {
      const counts = [...(await client.info("errorstats")).matchAll(/count=(\d+)/g)];
      return counts.reduce((sum, [, each]) => sum + Number(each), 0);
    };
    const end = (await refused()) + count;
    while ((await refused()) < end) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  it("stores a notification when a key of the wrong type has been deleted, and hands it over once", async () => {
    const queue = new Queue(queueName, { connection: { port: server.port } });
    await client.set(queue.toKey("wait"), "no list");
    const { inbox, receivedErrors } = open();
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await receivedErrors(1);
    await refusals(2);
    await client.del(queue.toKey("wait"));
    const { handOver, handOvers, received } = createReception();
    inbox.consume(handOver);
    await received(1);
    const next = freshNotification();
    await inbox.accept(next, freshDelivery());
    await received(2);
    expect(handOvers.map(([handedOver]) => handedOver)).toEqual([message, next]);
    await queue.close();
  }, 20_000);

  it.each(["xadd", "lpush", "hmset"])(
    "stores a notification when the Redis user is allowed to run %s again, and hands it over once",
    async (command) => {
      await allow(`-${command}`);
      const { inbox, receivedErrors } = open({ username: "narrow", password: "x" });
      const message = freshNotification();
      await inbox.accept(message, freshDelivery());
      const [error] = await receivedErrors(1);
      expect(error).toMatchObject({ code: "ERR_INBOX", cause: { name: "ReplyError" } });
      await refusals(2);
      await allow();
      const { handOver, handOvers, received } = createReception();
      inbox.consume(handOver);
      await received(1);
      const next = freshNotification();
      await inbox.accept(next, freshDelivery());
      await received(2);
      expect(handOvers.map(([handedOver]) => handedOver)).toEqual([message, next]);
    },
    20_000,
  );

  it("accepts a notification that a dead process had half stored", async () => {
    await allow("-lpush");
    const { inbox: dying, receivedErrors } = open({ username: "narrow", password: "x" });
    const message = freshNotification();
    await dying.accept(message, freshDelivery());
    await receivedErrors(1);
    await inboxes.pop()?.close();
    const { inbox } = open();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    expect(await inbox.accept(message, freshDelivery())).toBe("duplicate");
  }, 20_000);
});
