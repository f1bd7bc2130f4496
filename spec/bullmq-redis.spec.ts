import { createIORedisClient } from "bullmq";
import { Cluster, Redis } from "ioredis";
import StandaloneConnector from "ioredis/built/connectors/StandaloneConnector";
import type { Inbox } from "telesign-callback";
import { bullmqInbox, type BullmqInboxOptions } from "telesign-callback/bullmq";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import {
  startCluster,
  startRedis,
  startSentinel,
  type RedisProcess,
} from "./support/redis-kinds.js";
import { isThere, uniqueName } from "./support/servers.js";

const describeHere = isThere("Redis") ? describe : describe.skip;

/** Takes any options: what ioredis accepts need not fit BullMQ's type. */
function open(options: object): Inbox {
  return bullmqInbox(options as BullmqInboxOptions);
}

/** Options of ioredis, loosely typed, because its own types depend on `replyMapping`. */
type Options = Readonly<Record<string, unknown>>;

function redisClient(options: Options): Redis {
  return new Redis({ ...options, lazyConnect: true });
}

function clusterClient(port: number, options: Options): Cluster {
  return new Cluster([{ host: "127.0.0.1", port }], { ...options, lazyConnect: true });
}

/** Hands over a notification, one that fails once, and one after every connection was cut. */
async function expectToWork(inbox: Inbox, server: RedisProcess) {
  let failures = 1;
  const poison = freshNotification();
  const { handOver, received } = createReception(({ mo_reference_id }) => {
    if (mo_reference_id === poison.mo_reference_id && failures-- > 0) throw new Error("not now");
  });
  try {
    inbox.onError?.(() => {});
    inbox.consume(handOver);
    expect(await inbox.accept(freshNotification(), freshDelivery())).toBe("accepted");
    await received(1);
    await inbox.accept(poison, freshDelivery());
    await received(3);
    await server.cut();
    await inbox.accept(freshNotification(), freshDelivery());
    const attempts = (await received(4)).map(([, { attempt }]) => attempt);
    expect(attempts).toEqual([1, 1, 2, 1]);
  } finally {
    await inbox.close();
  }
}

const OPTIONS: [string, Options][] = [
  ["the server's address only", {}],
  [
    "timeouts shorter than a worker waits for jobs",
    { commandTimeout: 100, socketTimeout: 100, blockingTimeout: 50, blockingTimeoutGrace: 0 },
  ],
  [
    "giving up early",
    {
      retryStrategy: () => null,
      reconnectOnError: () => 2,
      maxRetriesPerRequest: 1,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      enableOfflineQueue: false,
    },
  ],
  ["replies of another shape", { stringNumbers: true, replyMapping: "resp3" }],
  ["another protocol and no retries", { protocol: 2, maxRetriesPerRequest: 0 }],
  [
    "monitoring, reading only and pipelining",
    {
      monitor: true,
      readOnly: true,
      lazyConnect: true,
      enableReadyCheck: false,
      enableAutoPipelining: true,
    },
  ],
  [
    "names, a database and the socket",
    {
      clientInfoTag: "spec",
      connectionName: "spec",
      db: 1,
      disableClientInfo: true,
      family: 4,
      keepAlive: 0,
      noDelay: false,
      showFriendlyErrorStack: true,
    },
  ],
];

describeHere("bullmqInbox, on Redis", () => {
  let server: RedisProcess;
  const clients: { disconnect(): void }[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));
  afterAll(() => server.close());

  function keep<Client extends Redis | Cluster>(client: Client): Client {
    client.on("error", () => {});
    clients.push(client);
    return client;
  }

  it.each(OPTIONS)(
    "works with options for %s",
    async (_, options) => {
      const connection = { ...options, host: "127.0.0.1", port: server.port };
      await expectToWork(open({ connection, queueName: uniqueName() }), server);
    },
    20_000,
  );

  it.each(OPTIONS)(
    "works with a client that has options for %s",
    async (_, options) => {
      const connection = keep(redisClient({ ...options, port: server.port }));
      await expectToWork(bullmqInbox({ connection, queueName: uniqueName() }), server);
    },
    20_000,
  );

  it("works with a URL and the options in it", async () => {
    const url = `redis://127.0.0.1:${server.port}/2?commandTimeout=100`;
    const inbox = bullmqInbox({ connection: { url }, queueName: uniqueName() });
    await expectToWork(inbox, server);
  }, 20_000);

  it("works with a copy of a client's options", async () => {
    const { options } = keep(redisClient({ host: "127.0.0.1", port: server.port }));
    await expectToWork(open({ connection: { ...options }, queueName: uniqueName() }), server);
  }, 20_000);

  it("works with a client that has ended", async () => {
    const client = new Redis(server.port);
    await client.quit();
    const inbox = bullmqInbox({ connection: client, queueName: uniqueName() });
    await expectToWork(inbox, server);
  }, 20_000);

  it("replaces clients that ended because their connector gave up", async () => {
    let isFailing = false;
    class Connector extends StandaloneConnector {
      override connect(onError: Parameters<StandaloneConnector["connect"]>[0]) {
        return isFailing ? Promise.reject(new Error("no way")) : super.connect(onError);
      }
    }
    const connection = { host: "127.0.0.1", port: server.port, Connector };
    const inbox = open({ connection, queueName: uniqueName() });
    const { listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    isFailing = true;
    await server.cut();
    await receivedErrors(1);
    isFailing = false;
    await inbox.accept(freshNotification(), freshDelivery());
    await received(2);
    await inbox.close();
  }, 20_000);

  it("treats a host of another name as another server", async () => {
    const queueName = uniqueName();
    const here = open({ connection: { host: "127.0.0.1", port: server.port }, queueName });
    const there = open({ connection: { host: "redis.invalid", port: server.port }, queueName });
    await Promise.all([here.close(), there.close()]);
  }, 20_000);

  it("works with a client that BullMQ has adapted, and leaves it open", async () => {
    const client = keep(new Redis({ port: server.port, maxRetriesPerRequest: null }));
    const adapted = createIORedisClient(client);
    const queueName = uniqueName();
    const inbox = open({ connection: adapted, queueName });
    expect(() => open({ connection: adapted, queueName })).toThrow("queueName is in use");
    await expectToWork(inbox, server);
    expect(await client.ping()).toBe("PONG");
  }, 20_000);

  it("does not change the user's own client", async () => {
    const client = keep(new Redis(server.port));
    const queueName = uniqueName();
    await expectToWork(bullmqInbox({ connection: client, queueName }), server);
    expect(await client.ping()).toBe("PONG");
    expect(client.listenerCount("end")).toBe(0);
  }, 20_000);

  describe("behind a sentinel", () => {
    let sentinel: RedisProcess;
    beforeAll(async () => {
      sentinel = await startSentinel(server.port);
    });
    afterAll(() => sentinel.close());

    it.each<[string, Options]>([
      [
        "for giving up early",
        {
          sentinelRetryStrategy: () => null,
          sentinelReconnectStrategy: () => null,
          retryStrategy: () => null,
        },
      ],
      ["for the sentinel", { failoverDetector: true, sentinelCommandTimeout: 1_000 }],
    ])(
      "works with options %s",
      async (_, options) => {
        const sentinels = [{ host: "127.0.0.1", port: sentinel.port }];
        const connection = { sentinels, name: "spec", ...options };
        await expectToWork(open({ connection, queueName: uniqueName() }), server);
      },
      20_000,
    );
  });

  describe("in a Cluster", () => {
    let node: RedisProcess;
    beforeAll(async () => {
      node = await startCluster();
    }, 20_000);
    afterAll(() => node.close());

    const clusterOptions: [string, Options][] = [
      ["its nodes' addresses only", {}],
      [
        "giving up early, reading from replicas and pipelining",
        {
          clusterRetryStrategy: () => null,
          enableOfflineQueue: false,
          enableReadyCheck: false,
          scaleReads: "slave",
          enableAutoPipelining: true,
        },
      ],
      [
        "its nodes",
        {
          redisOptions: {
            commandTimeout: 100,
            stringNumbers: true,
            maxRetriesPerRequest: 1,
            db: 1,
          },
        },
      ],
    ];
    it.each(clusterOptions)(
      "works with a client that has options for %s",
      async (_, options) => {
        const connection = keep(clusterClient(node.port, options));
        await expectToWork(bullmqInbox({ connection, queueName: `{${uniqueName()}}` }), node);
      },
      20_000,
    );
  });
});

describe("bullmqInbox, given a Redis connection that cannot work", () => {
  const clients: { disconnect(): void }[] = [];
  afterAll(() => clients.forEach((client) => client.disconnect()));

  const make = {
    redis: (options: Options) => keep(redisClient(options)),
    cluster: (options: Options = {}) => keep(clusterClient(1, options)),
  };
  function keep<Client extends { disconnect(): void }>(client: Client): Client {
    clients.push(client);
    return client;
  }

  it.each<[string, () => unknown, string]>([
    ["keyPrefix", () => ({ host: "h", keyPrefix: "a:" }), "queueName"],
    ["keyPrefix in a URL", () => ({ url: "redis://h?keyPrefix=a" }), "queueName"],
    ["a client with keyPrefix", () => make.redis({ keyPrefix: "a:" }), "queueName"],
    ["a Cluster with keyPrefix", () => make.cluster({ keyPrefix: "a:" }), "queueName"],
    [
      "a Cluster whose nodes have keyPrefix",
      () => make.cluster({ redisOptions: { keyPrefix: "a:" } }),
      "queueName",
    ],
    ["a Cluster without a hash tag in queueName", () => make.cluster(), "hash tag"],
    ["a replica by its role", () => ({ sentinels: [{}], name: "a", role: "slave" }), "master"],
    ["sentinels without a name", () => ({ sentinels: [{ host: "h" }] }), "ioredis refuses"],
    ["options of a Cluster", () => ({ redisOptions: { host: "h" } }), "new Cluster"],
    ["nodes of a Cluster", () => ({ nodes: [] }), "new Cluster"],
    ["a list of nodes", () => [{ host: "h" }], "plain object"],
    ["a URL object", () => new URL("redis://h"), "plain object"],
    ["a promise", () => Promise.resolve({ host: "h" }), "plain object"],
    ["an empty host", () => ({ host: "" }), "connection.host"],
    ["an undefined host", () => ({ host: undefined }), "connection.host"],
    ["a host that is null", () => ({ host: null }), "connection.host"],
    ["a misspelt host", () => ({ hots: "h", port: 6379 }), "where Redis is"],
    ["no address at all", () => ({}), "where Redis is"],
    ["an unknown option alone", () => ({ db: 1, dsn: "redis://h" }), "where Redis is"],
    ["options in another object", () => ({ redis: { host: "h" }, port: 1 }), "host and port"],
    ["the option server", () => ({ server: "h", port: 1 }), "host"],
    ["the option address", () => ({ address: "h", port: 1 }), "host"],
    ["the option endpoint", () => ({ endpoint: "h", port: 1 }), "host"],
    ["the option ip", () => ({ ip: "192.0.2.1", port: 1 }), "host"],
    ["several hosts", () => ({ hosts: ["h"], port: 1 }), "new Cluster"],
    ["a cluster among the options", () => ({ cluster: [], port: 1 }), "new Cluster"],
    ["a URL without a host", () => ({ url: "redis://" }), "a host"],
    ["a URL with nothing but a port", () => ({ url: "redis://:p@:6379/1" }), "a host"],
    ["a URL with a user and no host", () => ({ url: "redis://u:p@:6379" }), "a host"],
    ["a slash in a URL's password", () => ({ url: "redis://:p/w@h:6379" }), "percent-encode"],
    ["a hash in a URL's password", () => ({ url: "redis://u:12#w@h:6379" }), "percent-encode"],
    ["a URL object as url", () => ({ url: new URL("redis://h") }), "connection.url"],
    ["an undefined url", () => ({ url: undefined }), "connection.url"],
    ["a port that is not a number", () => ({ host: "h", port: NaN }), "connection.port"],
    ["a database that is not a number", () => ({ host: "127.0.0.1", db: NaN }), "connection.db"],
    ["an empty database", () => ({ host: "127.0.0.1", db: "" }), "connection.db"],
    ["a URL with a name for a database", () => ({ url: "redis://h:6379/telesign" }), "such as /2"],
    ["a URL with half a database", () => ({ url: "redis://h/1.5" }), "such as /2"],
    ["a URL whose db is no number", () => ({ url: "redis://h?db=x" }), "such as /2"],
    ["a URL whose db is empty", () => ({ url: "redis://h/2?db=" }), "such as /2"],
    ["the URL of another server", () => ({ url: "postgres://h" }), "redis://"],
    ["node-redis's socket", () => ({ socket: { host: "h" } }), "host and port"],
    ["the option hostname", () => ({ hostname: "h" }), "host"],
    ["BullMQ's prefix", () => ({ host: "h", prefix: "a" }), "queueName"],
  ])("refuses %s, and says what to write instead", (_, connection, instead) => {
    const options = { connection: connection() } as BullmqInboxOptions;
    expect(() => bullmqInbox(options)).toThrow(TypeError);
    expect(() => bullmqInbox(options)).toThrow(instead);
  });
});
