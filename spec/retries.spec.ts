import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import Joi from "joi";
import request from "supertest";
import {
  memoryInbox,
  notificationSchema,
  telesignCallback,
  TelesignCallbackError,
  type Delivery,
  type Inbox,
  type MessageNotification,
} from "telesign-callback";

import { unheardError } from "../lib/errors.js";
import { describeInbox } from "./support/inbox-contract.js";
import { next } from "./support/events.js";
import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { dial, exchange, listen, post, received } from "./support/wire.js";

describe.each(expressVersions)(
  "telesignCallback in an %s app, when TeleSign retries",
  (_, { express, telesignCallback }) => {
    it("acknowledges both deliveries and emits the message once", async () => {
      const callback = telesignCallback();
      const listener = jest.fn();
      callback.onMessage(listener);
      const app = express().use(callback);
      await request(app).post("/").send(documented).expect(200, { status: "accepted" });
      await request(app).post("/").send(documented).expect(200, { status: "duplicate" });
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it("emits the retry as a duplicate, with the retry's own content", async () => {
      const callback = telesignCallback();
      const message = fresh();
      const duplicate = next(callback, "duplicate");
      const app = express().use(callback);
      await request(app).post("/").send(message).expect(200);
      await request(app)
        .post("/")
        .send({ ...message, attempt: "second" })
        .expect(200);
      expect(await duplicate).toEqual([
        { ...message, attempt: "second" },
        { receivedAt: expect.any(Date), submittedAt: expect.any(Date), attempt: 1 },
      ]);
    });

    it("emits a message once when it is delivered 50 times simultaneously", async () => {
      const listener = jest.fn();
      const { port } = await listen(express().use(telesignCallback({ onMessage: listener })));
      const bytes = post("/", JSON.stringify(documented));
      const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(port, bytes)));
      expect(answers.filter((answer) => answer.endsWith('{"status":"accepted"}'))).toHaveLength(1);
      expect(answers.filter((answer) => answer.endsWith('{"status":"duplicate"}'))).toHaveLength(
        49,
      );
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it("emits a message once when a slow inbox gets five simultaneous deliveries of it", async () => {
      const memory = memoryInbox();
      const accept: Inbox["accept"] = async (...delivery) => {
        await new Promise((resolve) => setImmediate(resolve));
        return memory.accept(...delivery);
      };
      const listener = jest.fn();
      const callback = telesignCallback({ inbox: { ...memory, accept }, onMessage: listener });
      const { port } = await listen(express().use(callback));
      const bytes = post("/", JSON.stringify(documented));
      const answers = await Promise.all(Array.from({ length: 5 }, () => exchange(port, bytes)));
      expect(answers.filter((answer) => answer.includes('"accepted"'))).toHaveLength(1);
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it("suppresses the retry while the listener is still busy with the first delivery", async () => {
      let finish = () => {};
      const listener = jest.fn(() => new Promise<void>((resolve) => (finish = resolve)));
      const callback = telesignCallback({ onMessage: listener });
      const app = express().use(callback);
      await request(app).post("/").send(documented).expect(200, { status: "accepted" });
      await request(app).post("/").send(documented).expect(200, { status: "duplicate" });
      finish();
      await callback.close();
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it("does not remember the reference of a delivery that it refused", async () => {
      const app = express().use(telesignCallback());
      await request(app)
        .post("/")
        .send({ ...documented, mo_message: 5 })
        .expect(400);
      await request(app).post("/").send(documented).expect(200, { status: "accepted" });
    });
  },
);

describeInbox("memoryInbox", () => memoryInbox());

/** Objects nested this many levels deep. */
function nested(levels: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
}

/** Bytes in use on the heap after a garbage collection. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

describe("memoryInbox", () => {
  const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
  const serve = (options: Parameters<typeof memoryInbox>[0], onMessage = jest.fn()) => {
    const callback = telesignCallback({ inbox: memoryInbox(options), onMessage });
    return listen((req, res) => callback(req, res, () => res.end())).then(({ port }) => ({
      port,
      onMessage,
    }));
  };
  const statuses = async (port: number, ...messages: object[]) => {
    const statuses: string[] = [];
    for (const message of messages) {
      const answer = await exchange(port, post("/", JSON.stringify(message)));
      statuses.push(/"status":"(\w+)"/.exec(answer)![1]!);
    }
    return statuses;
  };

  it("forgets the oldest reference beyond max", async () => {
    const { port } = await serve({ max: 2 });
    const [a, b, c] = [fresh(), fresh(), fresh()];
    expect(await statuses(port, a, b, a, b, c, b, a)).toEqual([
      "accepted",
      "accepted",
      "duplicate",
      "duplicate",
      "accepted",
      "duplicate",
      "accepted",
    ]);
  });

  it("forgets a reference after ttl, counted from the first delivery", async () => {
    const clock = jest.spyOn(performance, "now").mockReturnValue(1_000);
    const { port } = await serve({ ttl: 60_000 });
    const message = fresh();
    const at = async (time: number) => {
      clock.mockReturnValue(time);
      // lru-cache reuses the time it read until a real timer of 1 ms fires.
      await setTimeout(5);
      return (await statuses(port, message))[0];
    };
    expect(await at(1_000)).toBe("accepted");
    expect(await at(60_999)).toBe("duplicate");
    expect(await at(61_002)).toBe("accepted");
  });

  it("remembers a reference for longer than the longest Node timer if ttl says so", async () => {
    const clock = jest.spyOn(performance, "now").mockReturnValue(1_000);
    const day = 86_400_000;
    const { port } = await serve({ ttl: 30 * day });
    const message = fresh();
    expect(await statuses(port, message)).toEqual(["accepted"]);
    clock.mockReturnValue(29 * day);
    await setTimeout(5);
    expect(await statuses(port, message)).toEqual(["duplicate"]);
  });

  describe("with a schema that lets any reference in", () => {
    const lenient = notificationSchema.keys({ mo_reference_id: Joi.string().required() });
    const send = async (...references: string[]) => {
      const callback = telesignCallback({ schema: lenient, onMessage() {} });
      const { port } = await listen((req, res) => callback(req, res, () => res.end()));
      return statuses(port, ...references.map((mo_reference_id) => fresh({ mo_reference_id })));
    };

    it.each([
      ["of 128 characters", "a".repeat(127)],
      ["of 60,000 characters", "a".repeat(59_999)],
      ["of unusual characters", "=/ä"],
      ["with a lone surrogate", "\ud800"],
    ])(
      "recognises a retry by a reference %s, and confuses no other reference with it",
      async (_name, start) => {
        const [one, other] = [`${start}1`, `${start}2`];
        expect(await send(one, one, other, other)).toEqual([
          "accepted",
          "duplicate",
          "accepted",
          "duplicate",
        ]);
      },
    );

    it("does not confuse lone surrogates with one another or with U+FFFD", async () => {
      expect(await send("\ud800", "\ud801", "\udc00", "\ufffd")).toEqual(Array(4).fill("accepted"));
    });

    it("does not confuse a reference with the hash of another", async () => {
      const long = "a".repeat(200);
      const hash = createHash("sha256").update(Buffer.from(long, "utf16le")).digest("base64url");
      expect(await send(long, `=${hash}`, hash)).toEqual(Array(3).fill("accepted"));
    });

    it("keeps no long reference in memory", async () => {
      const inbox = memoryInbox();
      inbox.consume(() => Promise.resolve());
      const before = heapUsed();
      for (let count = 0; count < 500; count += 1) {
        const mo_reference_id = `${count}`.padEnd(60_000, "ä");
        void inbox.accept(fresh({ mo_reference_id }), delivery);
      }
      await new Promise((resolve) => setImmediate(resolve));
      // Kept as they are, the references would take 30 MB.
      expect(heapUsed() - before).toBeLessThan(10_000_000);
    });
  });

  it.each([
    [{ max: 0 }, "max"],
    [{ max: 1.5 }, "max"],
    [{ max: "100" }, "max"],
    [{ max: Infinity }, "max"],
    [{ max: 2 ** 24 + 1 }, "max"],
    [{ max: undefined }, "max"],
    [{ ttl: 0 }, "ttl"],
    [{ ttl: -1 }, "ttl"],
    [{ ttl: NaN }, "ttl"],
    [{ ttl: Infinity }, "ttl"],
    [{ tll: 5 }, "tll"],
  ])("refuses the options %j", (options, name) => {
    // @ts-expect-error that is what is refused
    expect(() => memoryInbox(options)).toThrow(TypeError);
    // @ts-expect-error that is what is refused
    expect(() => memoryInbox(options)).toThrow(name);
  });

  it("keeps no process alive", async () => {
    const child = fork(join(__dirname, "fixtures/idle.js"), { stdio: "pipe" });
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("keeps notifications that arrive before the first listener, and hands them over in order", async () => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const messages = [fresh(), fresh(), fresh()];
    expect(await statuses(port, ...messages, messages[1]!)).toEqual([
      "accepted",
      "accepted",
      "accepted",
      "duplicate",
    ]);
    const listener = jest.fn();
    callback.onMessage(listener);
    await statuses(port, fresh());
    expect(listener.mock.calls.map(([message]) => message)).toEqual([
      ...messages,
      expect.anything(),
    ]);
  });

  it("keeps the remaining messages for the next listener when the only listener leaves after the first message", async () => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const messages = [fresh(), fresh(), fresh()];
    await statuses(port, ...messages);
    expect((await next(callback, "message"))[0]).toEqual(messages[0]);
    await statuses(port, fresh());
    expect((await next(callback, "message"))[0]).toEqual(messages[1]);
  });

  it("keeps messages in order when the only listener leaves while answers are held back", async () => {
    const callback = telesignCallback();
    const held: (() => void)[] = [];
    const allHeld = new EventEmitter();
    const { port } = await listen((req, res) => {
      res.end = new Proxy(res.end, {
        apply(...call) {
          if (held.push(() => Reflect.apply(...call)) === 3) allHeld.emit("held");
          return res;
        },
      });
      callback(req, res, () => res.end());
    });
    const errors = jest.fn();
    callback.on("error", errors);
    const first = next(callback, "message");
    const isHeld = once(allHeld, "held");
    const messages = [fresh(), fresh(), fresh()];
    const socket = await dial(port);
    const answers = received(socket);
    for (const message of messages)
      socket.write(post("/", JSON.stringify(message), [], "keep-alive"));
    await isHeld;
    held.forEach((release) => release());
    expect((await first)[0]).toEqual(messages[0]);
    socket.end();
    await answers;
    const listener = jest.fn();
    callback.onMessage(listener);
    await callback.close();
    expect(listener.mock.calls.map(([message]) => message)).toEqual(messages.slice(1));
    expect(errors).not.toHaveBeenCalled();
  });

  describe("without a consumer", () => {
    /** An inbox without a consumer, and the references of what it reported. */
    const waiting = () => {
      const inbox = memoryInbox();
      const dropped: unknown[] = [];
      inbox.onError!((error) =>
        dropped.push((error as TelesignCallbackError).notification?.mo_reference_id),
      );
      return { inbox, dropped };
    };
    const referencesOf = (messages: MessageNotification[]) =>
      messages.map(({ mo_reference_id }) => mo_reference_id);

    it("keeps at most 64 MB of notifications, and reports the oldest beyond that in errors that carry them", async () => {
      const { inbox, dropped } = waiting();
      const messages = Array.from({ length: 70 }, () =>
        fresh({ mo_message: "x".repeat(1_000_000) }),
      );
      for (const message of messages) void inbox.accept(message, delivery);
      expect(dropped).toEqual(referencesOf(messages.slice(0, 7)));
      expect(inbox.waiting!()).toBe(63);
      const handOver = jest.fn((..._arrival: [MessageNotification, Delivery]) => Promise.resolve());
      inbox.consume(handOver);
      await inbox.close();
      const given = handOver.mock.calls.map(([message]) => message);
      expect(referencesOf(given)).toEqual(referencesOf(messages.slice(7)));
      expect(dropped).toHaveLength(7);
    });

    it("has room for another 33 MB once an earlier consumer has taken the 33 MB that waited", async () => {
      const { inbox, dropped } = waiting();
      const large = () => fresh({ mo_message: "x".repeat(33_000_000) });
      for (let count = 0; count < 2; count += 1) {
        const message = large();
        void inbox.accept(message, delivery);
        await new Promise<void>((resolve) => {
          const stop = inbox.consume(({ mo_reference_id }) => {
            expect(mo_reference_id).toBe(message.mo_reference_id);
            void stop().then(resolve);
            return Promise.resolve();
          });
        });
      }
      expect(dropped).toEqual([]);
    });

    it.each([
      ["a BigInt from a custom schema", 1n, [true]],
      // Whether this depth overflows the stack depends on the version of Node.
      ["very deep nesting", nested(50_000), [true, false]],
    ])("keeps or reports a notification with %s, and keeps the others", (_name, extra, isKept) => {
      const { inbox, dropped } = waiting();
      const [first, special, last] = [fresh(), fresh({ extra }), fresh()];
      for (const message of [first, special, last]) void inbox.accept(message, delivery);
      expect(isKept).toContain(inbox.waiting!() === 3);
      expect(dropped).toEqual(inbox.waiting!() === 3 ? [] : [special.mo_reference_id]);
    });

    it("hands a notification over as it was accepted, even if JSON cannot hold it", async () => {
      const { inbox } = waiting();
      const messages = [{ extra: 1n }, { extra: new Date(0) }, {}].map(fresh);
      for (const message of messages) void inbox.accept(message, delivery);
      const handOver = jest.fn((..._arrival: [MessageNotification, Delivery]) => Promise.resolve());
      inbox.consume(handOver);
      await inbox.close();
      expect(handOver.mock.calls.map(([message]) => message)).toEqual(messages);
    });
  });

  describe("between two consumers", () => {
    const accept = (inbox: Inbox, ...messages: MessageNotification[]) =>
      messages.forEach((message) => void inbox.accept(message, delivery));
    const report = jest.fn();
    /** An inbox whose consumer gave the first notification back and left. */
    const givenBack = async (...messages: MessageNotification[]) => {
      const inbox = memoryInbox();
      inbox.onError!(report);
      accept(inbox, ...messages);
      await new Promise<void>((resolve) => {
        const stop = inbox.consume((message) => {
          void stop().then(resolve);
          return Promise.reject(unheardError(message));
        });
      });
      return inbox;
    };
    const consumer = () =>
      jest.fn((..._arrival: [MessageNotification, Delivery]) => Promise.resolve());
    const given = (handOver: jest.Mock) => handOver.mock.calls.map(([message]) => message);

    it("hands a new notification over after those that were given back and those that wait", async () => {
      const messages = [fresh(), fresh(), fresh()];
      const inbox = await givenBack(messages[0]!, messages[1]!);
      const handOver = consumer();
      inbox.consume(handOver);
      // At once, while the others are still waiting.
      accept(inbox, messages[2]!);
      await inbox.close();
      expect(given(handOver)).toEqual(messages);
      expect(report).not.toHaveBeenCalled();
    });

    it("has room for 1,000 notifications in all, and for more once there is a consumer", async () => {
      const messages = Array.from({ length: 1_000 }, () => fresh());
      const inbox = await givenBack(...messages);
      const [tooMany, inTime] = [fresh(), fresh()];
      accept(inbox, tooMany);
      expect(report.mock.calls.map(([error]) => error.notification)).toEqual([tooMany]);
      const handOver = consumer();
      inbox.consume(handOver);
      accept(inbox, inTime);
      await inbox.close();
      expect(given(handOver)).toEqual([...messages, inTime]);
      expect(report).toHaveBeenCalledTimes(1);
    });
  });

  it.each([
    [
      "with an error of the package",
      new TelesignCallbackError("ERR_INBOX", "an inbox of the app's own"),
    ],
    [
      "with an error that says nobody listens",
      new TelesignCallbackError("ERR_NO_LISTENER", "nobody"),
    ],
    [
      "with an error that has a code of the package",
      Object.assign(new Error("mine"), { code: "ERR_NO_LISTENER" }),
    ],
  ])("hands a notification over once, even if a listener fails %s", async (_, failure) => {
    const callback = telesignCallback();
    const listener = jest.fn(() => Promise.reject(failure));
    callback.onMessage(listener);
    const errors = jest.fn();
    callback.on("error", errors);
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    await statuses(port, fresh());
    await callback.close();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(errors.mock.calls.map(([error]) => [error.code, error.cause])).toEqual([
      ["ERR_LISTENER", failure],
    ]);
  });

  it("keeps messages in order when one listener replaces another while answers are held back", async () => {
    const callback = telesignCallback();
    const held: (() => void)[] = [];
    const holding = new EventEmitter();
    const { port } = await listen((req, res) => {
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      res.end = ((text: string) => {
        if (held.push(() => end(text)) === 2) holding.emit("both");
        return res;
      }) as typeof res.end;
      callback(req, res, () => res.end());
    });
    const leave = callback.onMessage(() => {});
    const both = once(holding, "both");
    const messages = [fresh(), fresh()];
    const answers = messages.map((message) => exchange(port, post("/", JSON.stringify(message))));
    await both;
    leave();
    const arrived: string[] = [];
    held[0]!();
    await Promise.race(answers);
    callback.onMessage((message) => arrived.push(message.mo_reference_id));
    held[1]!();
    await Promise.all(answers);
    await callback.close();
    expect(arrived).toEqual([...arrived].sort());
    expect(arrived).toHaveLength(2);
  });

  it("hands over each waiting message once, even if every listener leaves after one message", async () => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const messages = [fresh(), fresh(), fresh()];
    for (const message of messages) await statuses(port, message);
    const arrived: MessageNotification[] = [];
    while (arrived.length < messages.length) {
      await new Promise<void>((resolve) => {
        const leave = callback.onMessage((message) => {
          leave();
          arrived.push(message);
          resolve();
        });
      });
    }
    expect(arrived).toEqual(messages);
  });

  it("reports a message that is given back after it was closed", async () => {
    const inbox = memoryInbox();
    const report = jest.fn();
    inbox.onError!(report);
    inbox.consume((message) => Promise.reject(unheardError(message)));
    const message = fresh();
    void inbox.accept(message, { receivedAt: new Date(), submittedAt: undefined, attempt: 1 });
    await inbox.close();
    expect(report.mock.calls.map(([error]) => error.notification)).toEqual([message]);
  });

  it("reports each notification that finds neither a listener nor room, or still waits at close()", async () => {
    const callback = telesignCallback();
    const errors = jest.fn();
    callback.on("error", errors);
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const messages = Array.from({ length: 1_002 }, () => fresh());
    const answers = await exchange(
      port,
      ...messages.map((message, index) =>
        index < 1_001
          ? post("/", JSON.stringify(message)).toString().replace("Connection: close\r\n", "")
          : post("/", JSON.stringify(message)),
      ),
    );
    expect(answers.match(/"accepted"/g)).toHaveLength(1_002);
    expect(errors.mock.calls.map(([error]) => [error.code, error.notification])).toEqual([
      ["ERR_NO_LISTENER", messages[1_000]],
      ["ERR_NO_LISTENER", messages[1_001]],
    ]);
    await callback.close();
    expect(errors).toHaveBeenCalledTimes(1_002);
    expect(errors.mock.calls.slice(2).map(([error]) => error.notification)).toEqual(
      messages.slice(0, 1_000),
    );
  });

  it("throws its errors when no onError listener is set", async () => {
    const inbox = memoryInbox();
    const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 1 };
    expect(inbox.accept(fresh(), delivery)).toBe("accepted");
    await expect((async () => inbox.close())()).rejects.toMatchObject({ code: "ERR_NO_LISTENER" });
  });
});
