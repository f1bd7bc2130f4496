import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { join } from "node:path";

import { createPostgresBackend, runMigrations } from "bullmq";
import { Client, Pool, types, type PoolConfig } from "pg";
import type { Inbox } from "telesign-callback";
import { bullmqInbox, type BullmqInboxOptions, type DurableInbox } from "telesign-callback/bullmq";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import { isThere, POSTGRES_URL, postgresServer, uniqueName } from "./support/servers.js";

const describeHere = isThere("PostgreSQL") ? describe : describe.skip;
const backend = createPostgresBackend;
const text = { getTypeParser: () => (value: unknown) => value } as PoolConfig["types"];

function slashPool() {
  return new Pool({ connectionString: "postgres://u:p/w@127.0.0.1/app" });
}

/** Takes any connection: what pg accepts need not fit BullMQ's type. */
function open(connection: unknown): DurableInbox {
  return bullmqInbox({ connection, backend, queueName: uniqueName() } as BullmqInboxOptions);
}

describeHere("bullmqInbox, on PostgreSQL", () => {
  const engine = postgresServer();
  const pools: Pool[] = [];
  beforeAll(() => engine.start());
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));
  afterAll(() => engine.close(), 20_000);
  const connectionString = () =>
    (engine.options().connection as { connectionString: string }).connectionString;

  /** Hands over a notification, one that fails once, and one after every connection was cut. */
  async function expectToWork(inbox: Inbox) {
    let failures = 1;
    const poison = freshNotification();
    const { handOver, received } = createReception(({ mo_reference_id }) => {
      if (mo_reference_id === poison.mo_reference_id && failures-- > 0) throw new Error("not now");
    });
    try {
      inbox.onError?.(() => {});
      inbox.consume(handOver);
      await inbox.accept(freshNotification(), freshDelivery());
      await received(1);
      await inbox.accept(poison, freshDelivery());
      await received(3);
      await engine.refuse();
      await engine.start();
      await inbox.accept(freshNotification(), freshDelivery());
      const attempts = (await received(4)).map(([, { attempt }]) => attempt);
      expect(attempts).toEqual([1, 1, 2, 1]);
    } finally {
      await inbox.close();
    }
  }

  const OPTIONS: [string, PoolConfig][] = [
    ["no optional settings", {}],
    [
      "timeouts",
      {
        statement_timeout: 5_000,
        query_timeout: 5_000,
        lock_timeout: 5_000,
        idle_in_transaction_session_timeout: 100,
        connectionTimeoutMillis: 5_000,
        idleTimeoutMillis: 10,
      },
    ],
    ["sessions that end", { options: "-c idle_session_timeout=300", maxUses: 5 }],
    ["clients that come and go", { maxLifetimeSeconds: 1, allowExitOnIdle: true, min: 1 }],
    ["a name and a setting of the socket", { application_name: "spec", keepAlive: false }],
  ];

  it.each(OPTIONS)(
    "works with a connection that has %s",
    (_, options) => expectToWork(open({ connectionString: connectionString(), ...options })),
    20_000,
  );

  it("works with options that allow only one connection and read every type as text", async () => {
    await expectToWork(open({ connectionString: connectionString(), max: 1, types: text }));
  }, 20_000);

  it("works in an app that reads JSON as text and large numbers as BigInt", async () => {
    const json = types.getTypeParser(3802);
    const number = types.getTypeParser(20);
    types.setTypeParser(3802, (value: string) => value);
    types.setTypeParser(20, BigInt);
    try {
      await expectToWork(open(connectionString()));
      expect(() => open(new Pool())).toThrow("parses JSON");
    } finally {
      types.setTypeParser(3802, json);
      types.setTypeParser(20, number as (value: string) => unknown);
    }
  }, 20_000);

  it.each(OPTIONS)(
    "works with a Pool that has %s",
    async (_, { options: settings = "", ...options }) => {
      const pool = new Pool({
        connectionString: connectionString(),
        ...options,
        max: 2,
        options: `-c search_path=bullmq ${settings}`,
      });
      pool.on("error", () => {});
      pools.push(pool);
      const client = await pool.connect();
      await runMigrations(client, "bullmq");
      client.release();
      await expectToWork(open(pool));
    },
    20_000,
  );

  it("accepts a Pool of another driver that has the same methods", async () => {
    const pool = new Pool({ connectionString: connectionString() });
    pools.push(pool);
    const facade = Object.assign(new EventEmitter(), {
      connect: () => pool.connect(),
      query: (query: string) => pool.query(query),
      end: () => pool.end(),
    });
    let inbox: Inbox | undefined;
    jest.isolateModules(() => {
      jest.doMock("pg", () => {
        throw new Error("not found");
      });
      const isolated = jest.requireActual<typeof import("telesign-callback/bullmq")>(
        "telesign-callback/bullmq",
      );
      inbox = isolated.bullmqInbox({ connection: facade, backend, queueName: uniqueName() });
      jest.dontMock("pg");
    });
    await inbox?.close();
  }, 20_000);

  it("refuses a second inbox of this process on its queue, however the connection is written", async () => {
    const queueName = uniqueName();
    const { hostname, port, username, pathname } = new URL(connectionString());
    const options = { host: hostname, port: Number(port), user: username };
    const database = pathname.slice(1);
    const first = bullmqInbox({ connection: { ...options, database }, backend, queueName });
    expect(() => bullmqInbox({ connection: connectionString(), backend, queueName })).toThrow(
      "queueName is in use",
    );
    const elsewhere = bullmqInbox({ connection: { user: username, port: 1 }, backend, queueName });
    const usual = bullmqInbox({ connection: { user: "nobody" }, backend, queueName });
    await Promise.all([first.close(), elsewhere.close(), usual.close()]);
  }, 20_000);

  describe("beside another inbox of this process with the same queueName", () => {
    const host = "127.0.0.1";
    const path = "-c search_path=bullmq";
    const pool = new Pool({ host, port: 1, database: "test", options: path });
    const ways: [string, unknown][] = [
      ["options", { host, port: 1, database: "test" }],
      ["the default schema", { host, port: 1, database: "test", schema: "bullmq" }],
      ["a URL", "postgres://127.0.0.1:1/test"],
      ["the host localhost", "postgres://LOCALHOST:1/test"],
      ["the host 0.0.0.0", { host: "0.0.0.0", port: 1, database: "test" }],
      ["the host ::1", "postgres://[::1]:1/test"],
      ["a URL with a parameter", "postgres:///test?host=127.0.0.1&port=1"],
      ["a database in percent-encoding", "postgres://127.0.0.1:1/%74est"],
      ["a pool that searches the schema", pool],
    ];
    const others: [string, unknown][] = [
      ["another schema", { host, port: 1, database: "test", schema: "other" }],
      ["another host", "postgres://pg.invalid:1/test"],
      ["another port", "postgres://127.0.0.1:2/test"],
      ["another database", "postgres://127.0.0.1:1/other"],
      ["a pool that searches another schema", new Pool({ host, port: 1, database: "test" })],
      [
        "a URL that names a file that is not there",
        "postgres://127.0.0.1:1/test?sslrootcert=/none",
      ],
    ];
    const queueName = uniqueName();
    let first: DurableInbox;
    beforeAll(() => {
      const connection = { host, port: 1, database: "test" };
      first = bullmqInbox({ connection, backend, queueName });
    });
    afterAll(() => first.close());

    it.each(ways)("throws if the connection names the same database with %s", (_, connection) => {
      const options = { connection, backend, queueName } as BullmqInboxOptions;
      expect(() => bullmqInbox(options)).toThrow("queueName is in use");
    });

    it.each(others)("opens if the connection has %s", async (_, connection) => {
      await bullmqInbox({ connection, backend, queueName } as BullmqInboxOptions).close();
    });
  });

  it("leaves its queue to another inbox if it could not be opened", async () => {
    const queueName = uniqueName();
    const options = { connection: connectionString(), queueName };
    const failing = () => {
      throw new Error("not today");
    };
    expect(() => bullmqInbox({ ...options, backend: failing })).toThrow("not today");
    await bullmqInbox({ ...options, backend }).close();
  }, 20_000);

  it("releases its queue once, however often it is closed", async () => {
    const options = { connection: connectionString(), backend, queueName: uniqueName() };
    const first = bullmqInbox(options);
    await first.close();
    const second = bullmqInbox(options);
    await first.close();
    expect(() => bullmqInbox(options)).toThrow("queueName is in use");
    await second.close();
  }, 20_000);

  it("hands notifications over at once if the user's own Pool has ended", async () => {
    const pool = new Pool({ connectionString: connectionString() });
    const inbox = open(pool);
    const { listener, received: receivedErrors } = createErrors();
    inbox.onError?.(listener);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await pool.end();
    const message = freshNotification();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    const errors = await receivedErrors(1);
    expect(errors.map((error) => error.message)).toContainEqual(
      expect.stringContaining("the pool has ended"),
    );
    await inbox.close();
  }, 20_000);

  it.each([
    ["a user that does not exist", (url: URL) => (url.username = "nobody_of_this_name"), "28000"],
    [
      "a database that does not exist",
      (url: URL) => (url.pathname = "/nothing_of_this_name"),
      "3D000",
    ],
  ])(
    "is not ready with %s, and names PostgreSQL's code",
    async (_, change, code) => {
      const url = new URL(POSTGRES_URL);
      change(url);
      const inbox = bullmqInbox({ connection: url.href, backend, queueName: uniqueName() });
      const { listener, received } = createErrors();
      inbox.onError?.(listener);
      const [error] = await received(1);
      expect(error).toMatchObject({ code: "ERR_INBOX", cause: { code } });
      expect(error?.message).toContain("PostgreSQL");
      await expect(inbox.ready()).rejects.toMatchObject({ code: "ERR_INBOX", cause: { code } });
      await inbox.close();
    },
    20_000,
  );

  it("is not ready if PostgreSQL refuses to insert jobs, and names its code", async () => {
    const pool = new Pool({ connectionString: connectionString() });
    pools.push(pool);
    const inbox = open(connectionString());
    await inbox.ready();
    await pool.query(`
      CREATE FUNCTION bullmq.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END$$;
      CREATE TRIGGER refuse BEFORE INSERT ON bullmq.job EXECUTE FUNCTION bullmq.refuse()`);
    await expect(inbox.ready()).rejects.toMatchObject({
      message: expect.stringContaining("disk is full"),
      cause: { code: "53100" },
    });
    await pool.query("DROP TRIGGER refuse ON bullmq.job; DROP FUNCTION bullmq.refuse");
    await inbox.ready();
    await inbox.close();
  }, 20_000);

  describe("that refuses the content of one notification", () => {
    const poison = freshNotification();
    let pool: Pool;
    let inbox: DurableInbox;
    beforeEach(async () => {
      pool = new Pool({ connectionString: connectionString() });
      pool.on("error", () => {});
      pools.push(pool);
      inbox = open(connectionString());
      await inbox.ready();
      await pool.query(`
        CREATE OR REPLACE FUNCTION bullmq.refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22P05'; END$$;
        CREATE TRIGGER refuse BEFORE INSERT ON bullmq.job FOR EACH ROW
          WHEN (NEW.dedup_id = '${poison.mo_reference_id}') EXECUTE FUNCTION bullmq.refuse()`);
    });
    afterEach(async () => {
      await inbox.close();
      await pool.query("DROP TRIGGER refuse ON bullmq.job");
    });

    it("rejects that notification once, takes its retry for a duplicate, and accepts others", async () => {
      const { listener, errors } = createErrors();
      inbox.onError?.(listener);
      const outcome = inbox.accept(poison, freshDelivery());
      await expect(outcome).rejects.toMatchObject({ code: "22P05" });
      expect(await inbox.accept(poison, freshDelivery())).toBe("duplicate");
      expect(await inbox.accept(freshNotification(), freshDelivery())).toBe("accepted");
      expect(errors).toEqual([]);
    }, 20_000);

    it("hands over that notification after an outage, and those that waited behind it", async () => {
      const { listener, errors } = createErrors();
      inbox.onError?.(listener);
      const { handOver, handOvers, received } = createReception();
      inbox.consume(handOver);
      await engine.refuse();
      const messages = [poison, freshNotification(), freshNotification()];
      for (const message of messages) await inbox.accept(message, freshDelivery());
      await engine.start();
      await received(3);
      await inbox.accept(freshNotification(), freshDelivery());
      await received(4);
      expect(handOvers.slice(0, 3).map(([message]) => message)).toEqual(
        expect.arrayContaining(messages),
      );
      expect(errors).toHaveLength(1);
    }, 20_000);
  });

  it("says what to write if neither the URL nor the environment names a user", () => {
    const url = new URL(POSTGRES_URL);
    url.username = "";
    const program = `
      const { createPostgresBackend } = require("bullmq");
      const { bullmqInbox } = require(${JSON.stringify(join(__dirname, "../dist/bullmq/bullmq-inbox.js"))});
      const inbox = bullmqInbox({ connection: "${url.href}", backend: createPostgresBackend });
      inbox.ready().catch(({ message, cause }) => console.log(message, cause.code)).then(() => inbox.close());
    `;
    const env = { ...process.env, USER: "", PGUSER: "" };
    const { stdout } = spawnSync(process.execPath, ["-e", program], { env, encoding: "utf8" });
    expect(stdout).toContain("names no user; write postgres://user@host/database, or set PGUSER");
    expect(stdout).toContain("28000");
  }, 20_000);
});

describe("bullmqInbox, given a PostgreSQL connection that cannot work", () => {
  it.each<[string, unknown, string]>([
    ["a Client", new Client(), "Pool"],
    ["a Pool of one client", new Pool({ max: 1 }), "max: 2"],
    ["a Pool that reads JSON as text", new Pool({ types: text }), "parses JSON"],
    ["a Pool that reads binary values", new Pool({ binary: true } as PoolConfig), "binary"],
    ["the option binary", { binary: true }, "binary"],
    ["the option replication", { replication: "database" }, "replication"],
    ["an encoding other than UTF-8", { client_encoding: "latin1" }, "client_encoding"],
    ["a URL of Redis", "redis://127.0.0.1", "postgres://"],
    ["a slash in a password", "postgres://u:p/w@127.0.0.1/app", "percent-encode"],
    ["a hash in a password", "postgres://u:12#w@127.0.0.1/app", "percent-encode"],
    ["a Pool with a slash in its password", slashPool(), "percent-encode"],
    ["a URL object", new URL("postgres://127.0.0.1"), "plain object"],
    ["an empty string", "", "connectionString"],
    ["a host that is null", { host: null }, "connection.host"],
    ["a connection string that is null", { connectionString: null }, "connection.connectionString"],
    ["the option url", { url: "postgres://127.0.0.1" }, "connectionString"],
    ["the option uri", { uri: "postgres://127.0.0.1" }, "connectionString"],
    ["the option hostname", { hostname: "127.0.0.1" }, "host"],
    ["the option server", { server: "127.0.0.1" }, "host"],
    ["the option username", { username: "u" }, "user"],
    ["the option dbname", { dbname: "app" }, "database"],
    ["an undefined host", { host: undefined }, "connection.host"],
    [
      "migrate together with skipMigrations",
      { migrate: true, skipMigrations: true },
      "not have both",
    ],
  ])("refuses %s, and says what to write instead", (_, connection, instead) => {
    expect(() => open(connection)).toThrow(TypeError);
    expect(() => open(connection)).toThrow(instead);
  });

  it("refuses a Pool that has ended", async () => {
    const pool = new Pool();
    await pool.end();
    expect(() => open(pool)).toThrow("has ended");
  });
});
