import type { ServerResponse } from "node:http";
import timers from "node:timers";

import express from "express";
import request from "supertest";
import {
  memoryInbox,
  telesignCallback,
  type HandOver,
  type Inbox,
  type Outcome,
} from "telesign-callback";

import { next } from "./support/events.js";
import { documented, fresh } from "./support/notifications.js";
import { turn } from "./support/timers.js";
import { dial, listen, post, received } from "./support/wire.js";

/** A promise, and the function that resolves it. */
function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

describe("close()", () => {
  it("refuses new deliveries with 503, so that the next attempt reaches another instance", async () => {
    const callback = telesignCallback();
    const app = express().use(callback);
    await callback.close();
    const rejected = next(callback, "rejected");
    await request(app)
      .post("/")
      .send(documented)
      .expect("Retry-After", "10")
      .expect("Connection", "close")
      .expect(503, { type: "about:blank", title: "Closing", status: 503 });
    expect((await rejected)[0].status).toBe(503);
  });

  it("refuses a delivery whose body was still arriving", async () => {
    const callback = telesignCallback();
    const { server, port } = await listen((req, res) => callback(req, res, () => res.end()));
    const bytes = post("/", JSON.stringify(documented));
    const socket = await dial(port);
    const answer = received(socket);
    const arrived = deferred();
    server.once("request", () => arrived.resolve());
    socket.write(bytes.subarray(0, -10));
    await arrived.promise;
    await callback.close();
    socket.write(bytes.subarray(-10));
    expect(await answer).toMatch(/^HTTP\/1.1 503 /);
  });

  it("does not wait for the answer to a delivery that arrives after the call", async () => {
    const closed = jest.fn(() => Promise.resolve());
    const callback = telesignCallback({ inbox: { ...memoryInbox(), close: closed } });
    const { port } = await listen((req, res) => {
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      // Never answered: a delivery that is refused while closing must not count.
      if (req.headers["x-held"]) res.end = (() => res) as typeof res.end;
      else res.end = ((text: string) => end(text)) as typeof res.end;
      callback(req, res, () => res.end());
    });
    const errors = jest.fn();
    callback.on("error", errors);
    const rejected = next(callback, "rejected");
    const closing = callback.close({ timeout: 1_000 });
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(fresh()), ["X-Held: 1"]));
    await closing;
    expect(closed).toHaveBeenCalledTimes(1);
    expect(errors).not.toHaveBeenCalled();
    socket.destroy();
    expect((await rejected)[0].status).toBe(503);
  });

  it("waits for the listeners of every event", async () => {
    const { promise, resolve } = deferred();
    const order: string[] = [];
    const work = (name: string) => () => promise.then(() => order.push(name));
    const callback = telesignCallback({ onMessage: work("message") });
    callback.on("duplicate", work("duplicate"));
    callback.on("rejected", work("rejected"));
    const app = express().use(callback);
    for (const body of [documented, documented, {}]) await request(app).post("/").send(body);
    const closed = callback.close().then(() => order.push("closed"));
    // Once this is answered, close() waits for nothing but the listeners.
    await request(app).post("/").send(fresh()).expect(503);
    resolve();
    await closed;
    expect(order).toEqual(["message", "duplicate", "rejected", "rejected", "closed"]);
  });

  it("waits for the error listeners of a failure that happens while it waits", async () => {
    let fail = (_: Error) => {};
    const work = new Promise<void>((_, reject) => (fail = reject));
    const callback = telesignCallback({ onMessage: () => work });
    let isAlarmSent = false;
    callback.on("error", async () => {
      await turn();
      isAlarmSent = true;
    });
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    const waited = callback.close();
    await turn();
    fail(new Error("on purpose"));
    await waited;
    expect(isAlarmSent).toBe(true);
  });

  it("waits for the error listeners when earlier middleware has consumed the body", async () => {
    const { promise, resolve } = deferred();
    const asked = deferred();
    let isAlarmSent = false;
    const callback = telesignCallback();
    callback.on("error", async () => {
      asked.resolve();
      await promise;
      isAlarmSent = true;
    });
    const app = express().use((req, _res, next) => void req.resume().on("end", next), callback);
    await request(app).post("/").send(fresh()).expect(500);
    await asked.promise;
    const closed = callback.close();
    await turn();
    resolve();
    await closed;
    expect(isAlarmSent).toBe(true);
  });

  it("does not wait for the listeners of a refusal made while it waits for those of an earlier one", async () => {
    const [work, ...held] = [deferred(), deferred(), deferred()];
    const refusals = [...held];
    const callback = telesignCallback({ onMessage: () => work.promise });
    callback.on("rejected", () => refusals.shift()?.promise);
    const app = express().use(callback);
    await request(app).post("/").send(fresh()).expect(200);
    const closed = callback.close();
    await request(app).post("/").send(fresh()).expect(503);
    work.resolve();
    await turn();
    await request(app).post("/").send(fresh()).expect(503);
    held[0]?.resolve();
    await closed;
    held[1]?.resolve();
  });

  it("waits for an inbox that is still accepting a delivery whose sender has hung up", async () => {
    const asked = deferred();
    const decision = deferred<Outcome>();
    const order: string[] = [];
    const inbox: Inbox = {
      accept: () => (asked.resolve(), decision.promise),
      consume: () => () => Promise.resolve(),
      close: () => Promise.resolve(void order.push("inbox closed")),
    };
    const callback = telesignCallback({ inbox });
    const gone = deferred();
    const { port } = await listen((req, res) => {
      res.on("close", gone.resolve);
      callback(req, res, () => {});
    });
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(fresh())));
    await asked.promise;
    socket.destroy();
    await gone.promise;
    const closed = callback.close();
    await turn();
    order.push("accepted");
    decision.resolve("accepted");
    await closed;
    expect(order).toEqual(["accepted", "inbox closed"]);
  });

  it("waits for a delivery that the inbox is accepting, then closes the inbox", async () => {
    const { promise, resolve } = deferred<Outcome>();
    const asked = deferred();
    const order: string[] = [];
    const inbox: Inbox = {
      accept: () => {
        asked.resolve();
        return promise;
      },
      consume: () => () => Promise.resolve(),
      close: () => Promise.resolve(void order.push("inbox closed")),
    };
    const callback = telesignCallback({ inbox });
    const app = express().use(callback);
    const answer = request(app)
      .post("/")
      .send(documented)
      .expect(200, { status: "accepted" })
      .then(() => {});
    await asked.promise;
    const closed = callback.close().then(() => order.push("closed"));
    await request(app).post("/").send(fresh()).expect(503);
    expect(order).toEqual([]);
    resolve("accepted");
    await Promise.all([answer, closed]);
    expect(order).toEqual(["inbox closed", "closed"]);
  });

  it("hands over notifications that wait in the memory inbox", async () => {
    const callback = telesignCallback();
    await request(express().use(callback)).post("/").send(documented).expect(200);
    const listener = jest.fn();
    callback.onMessage(listener);
    const closed = callback.close();
    await closed;
    expect(listener.mock.calls).toEqual([[documented, expect.anything()]]);
  });

  it("gives up after the timeout, and says so in one error", async () => {
    const callback = telesignCallback({ onMessage: () => new Promise(() => {}) });
    const errors = jest.fn();
    callback.on("error", errors);
    const app = express().use(callback);
    await request(app).post("/").send(fresh()).expect(200);
    await request(app).post("/").send(fresh()).expect(200);
    await callback.close({ timeout: 20 });
    expect(errors.mock.calls).toEqual([
      [
        expect.objectContaining({
          code: "ERR_LISTENER",
          message: "close() gave up after 20 ms; events whose listeners have not settled: 2",
        }),
      ],
    ]);
  });

  it("leaves no timer behind", async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    await telesignCallback().close();
    // There are fewer if a timer of an earlier spec has ended meanwhile.
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("gives up even if the app has replaced setTimeout in node:timers", async () => {
    const callback = telesignCallback({ onMessage: () => new Promise(() => {}) });
    callback.on("error", () => {});
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    const never = jest.spyOn(timers, "setTimeout").mockReturnValue(setTimeout(() => {}));
    await callback.close({ timeout: 20 });
    expect(never).not.toHaveBeenCalled();
  });

  it("gives up even under Jest's fake timers", async () => {
    const callback = telesignCallback({ onMessage: () => new Promise(() => {}) });
    callback.on("error", () => {});
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    jest.useFakeTimers();
    await callback.close({ timeout: 20 }).finally(() => jest.useRealTimers());
  });

  it("gives up on an inbox that does not close", async () => {
    const inbox = { ...memoryInbox(), close: () => new Promise<void>(() => {}) };
    const callback = telesignCallback({ inbox });
    const reported = next(callback, "error");
    await callback.close({ timeout: 20 });
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "close() gave up after 20 ms; the inbox has not closed",
    });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("15551234");
      },
    ],
    ["rejects", () => Promise.reject(new Error("15551234"))],
  ])("never rejects: an inbox that %s causes an error event", async (_name, close) => {
    const callback = telesignCallback({ inbox: { ...memoryInbox(), close } });
    const reported = next(callback, "error");
    await callback.close();
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "the inbox could not close",
    });
  });

  it("is idempotent: a second call awaits the first", async () => {
    const close = jest.fn(() => Promise.resolve());
    const callback = telesignCallback({ inbox: { ...memoryInbox(), close } });
    expect(callback.close()).toBe(callback.close());
    await callback.close({ timeout: 1 });
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("can be called by a listener; a listener that awaits it waits for itself, until the timeout", async () => {
    const callback = telesignCallback();
    const done = deferred();
    callback.onMessage(() => void callback.close().then(done.resolve));
    await request(express().use(callback)).post("/").send(documented).expect(200);
    await done.promise;

    const waiting = telesignCallback();
    waiting.onMessage(() => waiting.close({ timeout: 20 }));
    const reported = next(waiting, "error");
    await request(express().use(waiting)).post("/").send(documented).expect(200);
    expect((await reported)[0].code).toBe("ERR_LISTENER");
  });

  it("keeps the inbox from consuming for a listener that subscribes afterwards", async () => {
    const consume = jest.fn(() => () => Promise.resolve());
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    await callback.close();
    callback.onMessage(() => {});
    expect(consume).not.toHaveBeenCalled();
  });

  it.each([
    [{ timeout: 0 }],
    [{ timeout: "5" }],
    [{ timeout: undefined }],
    [{ timeout: Infinity }],
    [{ timeout: 8.64e15 + 1 }],
    [{ time: 5 }],
  ])("refuses the options %j, and leaves the callback open", async (options) => {
    const callback = telesignCallback();
    // @ts-expect-error that is what is refused
    expect(() => callback.close(options)).toThrow(TypeError);
    // @ts-expect-error that is what is refused
    expect(() => callback.close(options)).toThrow(/^(timeout|unknown option time)\b/);
    await request(express().use(callback)).post("/").send(documented).expect(200);
  });
});

describe("an inbox", () => {
  it("consumes while there is a message listener", async () => {
    const order: string[] = [];
    const consume = () => {
      order.push("consume");
      return () => Promise.resolve(void order.push("stop"));
    };
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    callback.on("duplicate", () => {});
    expect(order).toEqual([]);
    const [first, second] = [callback.onMessage(() => {}), callback.onMessage(() => {})];
    first();
    first();
    expect(order).toEqual(["consume"]);
    second();
    callback.onMessage(() => {});
    await callback.close();
    expect(order).toEqual(["consume", "stop", "consume"]);
  });

  it("that cannot consume is asked once and causes an error event, but onMessage does not throw", async () => {
    const consume = jest.fn(() => {
      throw new Error("15551234");
    });
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    const reported = next(callback, "error");
    const unsubscribe = callback.onMessage(() => {});
    callback.onMessage(() => {});
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "the inbox could not consume",
    });
    unsubscribe();
    expect(consume).toHaveBeenCalledTimes(1);
  });

  it("whose consume is async by mistake, and fails, causes an error event", async () => {
    const consume = () => Promise.reject(new Error("no connection"));
    // @ts-expect-error what JavaScript lets through
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    const reported = next(callback, "error");
    callback.onMessage(() => {});
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "the inbox could not consume",
    });
  });

  it("that ignores a rejected hand-over does not crash the process", async () => {
    let handOver: HandOver = () => Promise.resolve();
    const consume = (consumer: HandOver) => {
      handOver = consumer;
      return () => Promise.resolve();
    };
    const accept: Inbox["accept"] = (...arrival) => {
      void handOver(...arrival);
      return "accepted";
    };
    const callback = telesignCallback({ inbox: { ...memoryInbox(), accept, consume } });
    const reported = next(callback, "error");
    callback.onMessage(() => Promise.reject(new Error("mine")));
    await request(express().use(callback)).post("/").send(documented).expect(200);
    expect((await reported)[0].code).toBe("ERR_LISTENER");
    await callback.close();
  });

  it("that cannot stop consuming causes an error event", async () => {
    const consume = () => () => Promise.reject(new Error("15551234"));
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    const reported = next(callback, "error");
    callback.onMessage(() => {})();
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "the inbox could not stop consuming",
    });
  });

  it("that reports an error causes an error event: a TelesignCallbackError as it is, anything else as ERR_INBOX", async () => {
    let report: (error: Error) => void = () => {};
    const inbox: Inbox = { ...memoryInbox(), onError: (listener) => (report = listener) };
    const callback = telesignCallback({ inbox });
    const foreign = next(callback, "error");
    report(Object.assign(new RangeError("15551234"), { code: "EBROKEN" }));
    const [error] = await foreign;
    expect(error).toMatchObject({ code: "ERR_INBOX", message: "the inbox reported an error" });
    expect(error.cause).toMatchObject({ name: "RangeError", code: "EBROKEN", message: "" });
    const own = next(callback, "error");
    report(error);
    expect((await own)[0]).toBe(error);
  });

  it("learns when all listeners are done, and gets the error of one that failed", async () => {
    let handOver: Parameters<Inbox["consume"]>[0] = () => Promise.resolve();
    const consume: Inbox["consume"] = (consumer) => {
      handOver = consumer;
      return () => Promise.resolve();
    };
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    callback.on("error", () => {});
    const { promise, resolve } = deferred();
    const done = jest.fn();
    const unsubscribe = callback.onMessage(() => promise.then(done));
    const delivery = { receivedAt: new Date(), submittedAt: undefined, attempt: 3 };
    const over = handOver(fresh(), delivery).then(() => expect(done).toHaveBeenCalledTimes(1));
    resolve();
    await over;
    const failure = new Error("mine");
    const unsubscribeFailing = callback.onMessage(() => Promise.reject(failure));
    await expect(handOver(fresh(), delivery)).rejects.toBe(failure);
    unsubscribe();
    unsubscribeFailing();
    await expect(handOver(fresh(), delivery)).rejects.toMatchObject({ code: "ERR_NO_LISTENER" });
  });
});
