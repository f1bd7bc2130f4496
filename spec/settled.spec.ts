import request from "supertest";
import { memoryInbox, telesignCallback, type Outcome } from "telesign-callback";

import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { turn } from "./support/timers.js";
import { exchange, listen, post } from "./support/wire.js";

/** A promise, the function that resolves it, and the one that rejects it. */
function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

type Decide = ReturnType<typeof deferred<Outcome>>;

describe.each(expressVersions)("settled(), in an %s app,", (_, parts) => {
  const { express, telesignCallback } = parts;

  it("resolves at once if nothing was accepted", async () => {
    await expect(telesignCallback().settled()).resolves.toBeUndefined();
  });

  it("resolves when the listeners of every accepted notification have settled, and closes nothing", async () => {
    const work = deferred();
    const order: string[] = [];
    const callback = telesignCallback({
      onMessage: () => work.promise.then(() => order.push("listener")),
    });
    const app = express().use(callback);
    await request(app).post("/").send(fresh()).expect(200);
    await request(app).post("/").send(fresh()).expect(200);
    const settled = callback.settled().then(() => order.push("settled"));
    work.resolve();
    await settled;
    expect(order).toEqual(["listener", "listener", "settled"]);
    await request(app).post("/").send(fresh()).expect(200);
    await callback.settled();
    expect(order).toHaveLength(4);
  });
});

describe("settled()", () => {
  it("waits for a delivery that the inbox is accepting", async () => {
    const decision = deferred<Outcome>();
    const asked = deferred();
    const callback = telesignCallback({
      inbox: {
        ...memoryInbox(),
        accept: () => {
          asked.resolve();
          return decision.promise;
        },
      },
    });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const answer = exchange(port, post("/", JSON.stringify(documented)));
    await asked.promise;
    let isSettled = false;
    const settled = callback.settled().then(() => (isSettled = true));
    await turn();
    expect(isSettled).toBe(false);
    decision.resolve("accepted");
    await settled;
    expect(await answer).toMatch(/"accepted"/);
  });

  it.each([
    [
      "a duplicate that the inbox recognises after the call",
      "duplicate",
      (decide: Decide) => decide.resolve("duplicate"),
    ],
    [
      "a notification that the inbox fails to accept after the call",
      "message",
      (decide: Decide) => decide.reject(new Error("mine")),
    ],
  ] as const)("waits for the listeners of %s", async (_, event, decide) => {
    const decision = deferred<Outcome>();
    const [asked, begun, work] = [deferred(), deferred(), deferred()];
    const accept = () => {
      asked.resolve();
      return decision.promise;
    };
    const callback = telesignCallback({ inbox: { ...memoryInbox(), accept } });
    callback.on("error", () => {});
    callback.on(event, () => {
      begun.resolve();
      return work.promise;
    });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const answer = exchange(port, post("/", JSON.stringify(documented)));
    await asked.promise;
    let isSettled = false;
    const settled = callback.settled().then(() => (isSettled = true));
    await turn();
    decide(decision);
    await Promise.all([begun.promise, answer]);
    await turn();
    expect(isSettled).toBe(false);
    work.resolve();
    await settled;
  });

  it("waits for earlier listeners again when it is called a second time", async () => {
    const works = [deferred(), deferred()];
    const left = [...works];
    const callback = telesignCallback({ onMessage: () => left.shift()!.promise });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const deliver = () => exchange(port, post("/", JSON.stringify(fresh())));
    await deliver();
    const first = callback.settled();
    await deliver();
    let isSettled = false;
    const second = callback.settled().then(() => (isSettled = true));
    works[1]!.resolve();
    await turn();
    expect(isSettled).toBe(false);
    works[0]!.resolve();
    await Promise.all([first, second]);
  });

  it("never rejects, and waits for the error event of a listener that fails", async () => {
    const work = deferred();
    const callback = telesignCallback({ onMessage: () => work.promise });
    const errors = jest.fn();
    callback.on("error", errors);
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    await exchange(port, post("/", JSON.stringify(fresh())));
    const settled = callback.settled();
    work.reject(new Error("mine"));
    await expect(settled).resolves.toBeUndefined();
    expect(errors.mock.calls.map(([{ code }]) => code)).toEqual(["ERR_LISTENER"]);
  });

  it("waits for the listeners of a rejected event", async () => {
    const work = deferred();
    const order: string[] = [];
    const callback = telesignCallback();
    callback.on("rejected", () => work.promise.then(() => order.push("rejected")));
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    await exchange(port, post("/", "{}"));
    const settled = callback.settled().then(() => order.push("settled"));
    work.resolve();
    await settled;
    expect(order).toEqual(["rejected", "settled"]);
  });

  it("does not wait for notifications that are accepted after the call", async () => {
    const [first, second] = [deferred(), deferred()];
    const works = [first.promise, second.promise];
    const callback = telesignCallback({ onMessage: () => works.shift() });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const send = () => exchange(port, post("/", JSON.stringify(fresh())));
    await send();
    let isSettled = false;
    const settled = callback.settled().then(() => (isSettled = true));
    await turn();
    await send();
    expect(isSettled).toBe(false);
    first.resolve();
    await settled;
    second.resolve();
    await callback.close();
  });

  it("does not wait for notifications that wait for a first listener", async () => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    await exchange(port, post("/", JSON.stringify(fresh())));
    await callback.settled();
    expect(callback.stats().waiting).toBe(1);
  });
});
