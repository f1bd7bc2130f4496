import { EventEmitter, once } from "node:events";
import { format, inspect } from "node:util";

import express from "express";
import request from "supertest";
import { telesignCallback, TelesignCallbackError, type TelesignCallback } from "telesign-callback";

import { next } from "./support/events.js";
import { documented, fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

const deliver = (callback: TelesignCallback, body: object = fresh()) =>
  request(express().use(callback)).post("/").send(body);

const failing: [string, () => unknown, unknown][] = [
  [
    "throws",
    () => {
      throw new RangeError("mine");
    },
    new RangeError("mine"),
  ],
  [
    "throws undefined",
    () => {
      throw undefined as unknown as Error;
    },
    undefined,
  ],
  ["rejects", () => Promise.reject(new RangeError("mine")), new RangeError("mine")],
  ["rejects with undefined", () => Promise.reject(undefined), undefined],
  ["rejects with a frozen object", () => Promise.reject(Object.freeze({ a: 1 })), { a: 1 }],
  [
    "returns a thenable that throws",
    () => ({
      then() {
        throw new RangeError("mine");
      },
    }),
    new RangeError("mine"),
  ],
];

describe("listeners", () => {
  it.each(failing)(
    "are isolated: one that %s affects neither the others nor the answer",
    async (_name, bad, cause) => {
      const callback = telesignCallback({ onMessage: bad });
      const others = jest.fn();
      callback.onMessage(others);
      const reported = next(callback, "error");
      await deliver(callback, documented).expect(200, { status: "accepted" });
      const [error] = await reported;
      expect(others).toHaveBeenCalledTimes(1);
      expect(error).toBeInstanceOf(TelesignCallbackError);
      expect(error).toMatchObject({ code: "ERR_LISTENER", notification: documented });
      expect(error.cause).toEqual(cause);
      expect("cause" in error).toBe(true);
    },
  );

  it("are each reported when several fail", async () => {
    const callback = telesignCallback({
      onMessage: () => {
        throw new Error("first");
      },
    });
    callback.onMessage(() => Promise.reject(new Error("second")));
    const errors = jest.fn();
    callback.on("error", errors);
    await deliver(callback).expect(200);
    await callback.close();
    expect(errors.mock.calls.map(([{ cause }]) => cause.message)).toEqual(["first", "second"]);
  });

  it("are reported when they fail, even beside one that never settles", async () => {
    const callback = telesignCallback({ onMessage: () => new Promise(() => {}) });
    callback.onMessage(() => Promise.reject(new Error("mine")));
    const reported = next(callback, "error");
    await deliver(callback).expect(200);
    expect((await reported)[0].code).toBe("ERR_LISTENER");
  });

  it.each(["duplicate", "rejected"] as const)(
    "of %s are reported when they throw",
    async (event) => {
      const callback = telesignCallback({ onMessage: () => {} });
      callback.on(event, () => {
        throw new Error("mine");
      });
      const reported = next(callback, "error");
      const message = fresh();
      await deliver(callback, message).expect(200);
      await deliver(callback, event === "duplicate" ? message : {});
      const [error] = await reported;
      expect(error.code).toBe("ERR_LISTENER");
      expect(error.notification).toEqual(event === "duplicate" ? message : undefined);
    },
  );

  it.each([
    [
      "throws",
      () => {
        throw new Error("15551234");
      },
    ],
    ["rejects", () => Promise.reject(new Error("15551234"))],
  ])("of error are isolated: one that %s is a line on stderr", async (_name, bad) => {
    const stderr = jest.spyOn(console, "error").mockReturnValue();
    const callback = telesignCallback({
      onMessage: () => {
        throw new Error("mine");
      },
    });
    callback.on("error", bad);
    const others = next(callback, "error");
    await deliver(callback).expect(200);
    await others;
    await callback.close();
    expect(stderr.mock.calls).toEqual([
      [
        'telesign-callback: ERR_LISTENER: a listener of "error" failed; the others were not affected',
      ],
    ]);
  });

  it("of error may be missing: each error is then one line on stderr, code and text only", async () => {
    const stderr = jest.spyOn(console, "error").mockReturnValue();
    const callback = telesignCallback({
      onMessage: () => {
        throw new Error("15551234");
      },
    });
    await deliver(callback).expect(200);
    await callback.close();
    expect(stderr.mock.calls).toEqual([
      [
        'telesign-callback: ERR_LISTENER: a listener of "message" failed; the others were not affected',
      ],
    ]);
  });

  it("of error may be missing even if console.error() throws", async () => {
    jest.spyOn(console, "error").mockImplementation(() => {
      throw new Error("no errors in tests");
    });
    const listener = jest.fn(() => {
      throw new Error("mine");
    });
    const callback = telesignCallback({ onMessage: listener });
    await deliver(callback).expect(200);
    await callback.close();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("are started in order of arrival, and of subscription", async () => {
    const started: string[] = [];
    const callback = telesignCallback();
    callback.onMessage(
      ({ mo_message }) =>
        new Promise((resolve) => setImmediate(resolve, started.push(`a${mo_message}`))),
    );
    callback.onMessage(({ mo_message }) => started.push(`b${mo_message}`));
    for (const mo_message of ["1", "2", "3"]) await deliver(callback, fresh({ mo_message }));
    expect(started).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"]);
  });

  it("are started in order of arrival even when an earlier answer is held back", async () => {
    const started: string[] = [];
    const callback = telesignCallback({ onMessage: ({ mo_message }) => started.push(mo_message) });
    const release = new EventEmitter();
    const app = express().use((req, res, proceed) => {
      if (req.query.hold) {
        res.end = new Proxy(res.end, {
          apply(...call) {
            release.once("release", () => Reflect.apply(...call));
            release.emit("held");
            return res;
          },
        });
      }
      proceed();
    }, callback);
    const isHeld = once(release, "held");
    const held = request(app)
      .post("/?hold=1")
      .send(fresh({ mo_message: "first" }))
      .then((answer) => answer.status);
    await isHeld;
    await request(app)
      .post("/")
      .send(fresh({ mo_message: "second" }))
      .expect(200);
    expect(started).toEqual([]);
    release.emit("release");
    expect(await held).toBe(200);
    expect(started).toEqual(["first", "second"]);
  });

  it("get every message, in order of arrival, when several answers are held back", async () => {
    const started: string[] = [];
    const callback = telesignCallback({ onMessage: ({ mo_message }) => started.push(mo_message) });
    const releases = new Map<string, () => void>();
    const held = new EventEmitter();
    const app = express().use((req, res, proceed) => {
      const { hold } = req.query;
      if (typeof hold === "string") {
        res.end = new Proxy(res.end, {
          apply(...call) {
            releases.set(hold, () => Reflect.apply(...call));
            held.emit(hold);
            return res;
          },
        });
      }
      proceed();
    }, callback);
    const post = (url: string, mo_message: string) =>
      request(app)
        .post(url)
        .send(fresh({ mo_message }))
        .then(({ status }) => status);
    const waiting = [];
    for (const hold of ["a", "b"]) {
      const isHeld = once(held, hold);
      waiting.push(post(`/?hold=${hold}`, hold));
      await isHeld;
    }
    releases.get("a")!();
    expect(await waiting[0]).toBe(200);
    expect(await post("/", "c")).toBe(200);
    releases.get("b")!();
    expect(await waiting[1]).toBe(200);
    await callback.close();
    expect(started).toEqual(["a", "b", "c"]);
  });

  it("may unsubscribe themselves, and more than once", async () => {
    const callback = telesignCallback();
    const kept = jest.fn();
    const listener = jest.fn(() => {
      unsubscribe();
      unsubscribe();
    });
    const unsubscribe = callback.onMessage(listener);
    callback.onMessage(kept);
    for (let count = 0; count < 3; count += 1) await deliver(callback).expect(200);
    expect([listener.mock.calls.length, kept.mock.calls.length]).toEqual([1, 3]);
  });

  it("may unsubscribe others, from the next message on", async () => {
    const callback = telesignCallback();
    const second = jest.fn();
    callback.onMessage(() => unsubscribe());
    const unsubscribe = callback.onMessage(second);
    await deliver(callback);
    await deliver(callback);
    expect(second).toHaveBeenCalledTimes(1);
  });

  it("may subscribe new ones, from the next message on", async () => {
    const callback = telesignCallback();
    const added = jest.fn();
    callback.onMessage(() => {
      callback.onMessage(added);
    });
    await deliver(callback);
    expect(added).toHaveBeenCalledTimes(0);
    await deliver(callback);
    expect(added).toHaveBeenCalledTimes(1);
  });

  it("may subscribe twice and unsubscribe once", async () => {
    const callback = telesignCallback();
    const listener = jest.fn();
    const unsubscribe = callback.onMessage(listener);
    callback.onMessage(listener);
    unsubscribe();
    unsubscribe();
    await deliver(callback);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("share one notification and cannot alter it", async () => {
    const callback = telesignCallback();
    const seen: unknown[] = [];
    callback.onMessage((message) => {
      seen.push(message);
      (message as { mo_message: string }).mo_message = "altered";
    });
    callback.onMessage((message) => seen.push(message));
    callback.on("error", () => {});
    await deliver(callback, documented);
    expect(seen[0]).toBe(seen[1]);
    expect(seen[0]).toEqual(documented);
  });

  it("run outside the request: one that throws does not cost the sender its connection", async () => {
    const callback = telesignCallback({
      onMessage: () => {
        throw new Error("mine");
      },
    });
    callback.on("error", () => {});
    const { port } = await listen(express().use(callback));
    const kept = () =>
      post("/", JSON.stringify(fresh())).toString().replace("Connection: close\r\n", "");
    const answers = await exchange(port, kept(), kept(), post("/", JSON.stringify(fresh())));
    expect(answers.match(/"accepted"/g)).toHaveLength(3);
  });

  it("of rejected get a rejection that holds the bytes and is safe to print", async () => {
    const callback = telesignCallback();
    const rejected = next(callback, "rejected");
    const body = JSON.stringify({ ...documented, to_phone_number: "not-a-number" });
    await request(express().use(callback)).post("/").type("json").send(body).expect(400);
    const [rejection] = await rejected;
    expect(rejection.body).toEqual(Buffer.from(body));
    expect(JSON.parse(JSON.stringify(rejection))).toEqual({
      receivedAt: rejection.receivedAt.toISOString(),
      status: 400,
      title: "Not a valid notification",
      errors: [{ field: "to_phone_number", rule: "string.pattern.base" }],
    });
  });

  it("of rejected get an object of the documented parts only, and printing it shows nothing that was sent", async () => {
    const callback = telesignCallback();
    const rejected = next(callback, "rejected");
    const body = JSON.stringify({ ...documented, to_phone_number: "not-a-number" });
    await request(express().use(callback)).post("/").type("json").send(body).expect(400);
    const [rejection] = await rejected;
    expect(Reflect.ownKeys(rejection)).toEqual(["status", "title", "errors", "receivedAt"]);
    const { constructor, ...parts } = Object.getOwnPropertyDescriptors(
      Object.getPrototypeOf(rejection) as object,
    );
    expect(constructor).toBeDefined();
    expect(Object.keys(parts)).toEqual(["address", "body"]);
    expect(rejection.address).toMatch(/127\.0\.0\.1$/);
    const printed = [
      inspect(rejection, { depth: Infinity, showHidden: true }),
      format("%o %O %j %s", rejection, rejection, rejection, rejection),
    ].join("\n");
    const words = [...Object.values(documented), "not-a-number", rejection.address!];
    for (const word of words) {
      expect(printed).not.toContain(word);
      expect(printed).not.toContain(Buffer.from(word).toString("hex").match(/../g)!.join(" "));
    }
  });

  it("of rejected that fail cause an error with the bytes, which are not enumerable", async () => {
    const callback = telesignCallback();
    callback.on("rejected", () => {
      throw new Error("mine");
    });
    const reported = next(callback, "error");
    await request(express().use(callback)).post("/").type("json").send('["secret"]').expect(400);
    const [error] = await reported;
    expect(error).toMatchObject({ code: "ERR_LISTENER", notification: undefined });
    expect(error.body).toEqual(Buffer.from('["secret"]'));
    const printed = inspect(error, { showHidden: true }) + format("%o %j", error, error);
    expect(printed).not.toContain("secret");
    expect(printed).not.toContain("73 65 63 72 65 74");
  });

  it("may fail with a value that cannot be inspected", async () => {
    const callback = telesignCallback();
    callback.onMessage(() => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return Promise.reject(proxy);
    });
    const reported = next(callback, "error");
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    expect((await reported)[0]).toMatchObject({ code: "ERR_LISTENER" });
  });

  it("must be functions, and for an event that exists", () => {
    const callback = telesignCallback();
    // @ts-expect-error not an event
    expect(() => callback.on("mesage", () => {})).toThrow(
      /^event must be one of message, duplicate, rejected, error$/,
    );
    // @ts-expect-error not an event, though every object has it
    expect(() => callback.on("constructor", () => {})).toThrow(TypeError);
    // @ts-expect-error not a function
    expect(() => callback.onMessage("listener")).toThrow(/^listener must be a function$/);
  });
});
