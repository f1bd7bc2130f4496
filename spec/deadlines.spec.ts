import type { ServerResponse } from "node:http";

import express from "express";
import request from "supertest";
import { memoryInbox, telesignCallback, type Outcome } from "telesign-callback";

import { next } from "./support/events.js";
import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { deadlines, fakeDeadlines, turn } from "./support/timers.js";
import { dial, exchange, listen, post } from "./support/wire.js";

jest.mock("node:timers", () =>
  jest
    .requireActual<typeof import("./support/timers.js")>("./support/timers.js")
    .followGlobalTimers(),
);

afterEach(() => jest.useRealTimers());

describe("an inbox that takes longer than 2 s", () => {
  const accept = jest.fn();
  const serve = async () => {
    const inbox = { ...memoryInbox(), accept };
    const callback = telesignCallback({ inbox });
    const listener = jest.fn();
    callback.onMessage(listener);
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    return { callback, listener, port };
  };

  it.each([
    ["hangs", () => {}],
    ["rejects afterwards", (reject: (error: Error) => void) => reject(new Error("late"))],
  ])("and %s loses no message: the answer is accepted", async (_name, goOn) => {
    let reject: (error: Error) => void = () => {};
    accept.mockReturnValue(new Promise<Outcome>((_resolve, fail) => (reject = fail)));
    const { callback, listener, port } = await serve();
    const reported = next(callback, "error");
    fakeDeadlines();
    let isAnswered = false;
    const answer = exchange(port, post("/", JSON.stringify(documented)));
    void answer.then(() => (isAnswered = true));
    await deadlines();
    await jest.advanceTimersByTimeAsync(1_999);
    await turn();
    expect(isAnswered).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await answer).toMatch(/"accepted"/);
    goOn(reject);
    expect((await reported)[0]).toMatchObject({
      code: "ERR_INBOX",
      message: "the inbox did not accept a notification; listeners of this process get it now",
      notification: documented,
    });
    await callback.settled();
    expect(listener.mock.calls).toEqual([[documented, expect.objectContaining({ attempt: 1 })]]);
  });
});

describe.each(expressVersions)(
  "an answer that other middleware holds back, in an %s app,",
  (_, parts) => {
    it("delays its message by at most 4 s", async () => {
      const holding = (_req: unknown, res: ServerResponse, proceed: () => void) => {
        const end = res.end.bind(res) as (text: string) => ServerResponse;
        res.end = ((text: string) => ((release = () => end(text)), res)) as typeof res.end;
        proceed();
      };
      let release: (() => void) | undefined;
      const callback = parts.telesignCallback();
      const listener = jest.fn();
      callback.onMessage(listener);
      const { port } = await listen(parts.express().use(holding, callback));
      fakeDeadlines();
      const answer = exchange(port, post("/", JSON.stringify(documented)));
      await deadlines();
      await jest.advanceTimersByTimeAsync(3_999);
      await turn();
      expect(listener).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(1);
      await callback.settled();
      expect(listener).toHaveBeenCalledTimes(1);
      release!();
      expect(await answer).toMatch(/"accepted"/);
    });
  },
);

describe("close()", () => {
  it("accepts a timeout that is longer than the longest Node timer", async () => {
    const callback = telesignCallback({ onMessage: () => new Promise(() => {}) });
    const errors = jest.fn();
    callback.on("error", errors);
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    fakeDeadlines();
    const month = 30 * 86_400_000;
    let isClosed = false;
    const closed = callback.close({ timeout: month }).then(() => (isClosed = true));
    await jest.advanceTimersByTimeAsync(month - 1);
    expect(isClosed).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await closed;
    expect(errors).toHaveBeenCalledTimes(1);
  });

  it("names everything that it leaves unfinished: answers, listeners and the inbox", async () => {
    let isAsked = false;
    const accept = () => {
      isAsked = true;
      return new Promise<Outcome>(() => {});
    };
    const callback = telesignCallback({ inbox: { ...memoryInbox(), accept } });
    callback.on("rejected", () => new Promise(() => {}));
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const socket = await dial(port);
    socket.write(post("/", "{}", [], "keep-alive"));
    socket.write(post("/", JSON.stringify(fresh()), [], "keep-alive"));
    while (!isAsked) await turn();
    const reported = next(callback, "error");
    callback.on("error", () => {});
    fakeDeadlines();
    const closed = callback.close({ timeout: 20 });
    await jest.advanceTimersByTimeAsync(20);
    await closed;
    expect((await reported)[0]).toMatchObject({
      code: "ERR_LISTENER",
      message:
        "close() gave up after 20 ms; notifications whose answer has not left: 1; " +
        "events whose listeners have not settled: 1; the inbox has not been closed yet",
    });
    socket.destroy();
  });
});
