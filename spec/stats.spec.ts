import type { ServerResponse } from "node:http";
import { inspect } from "node:util";

import request from "supertest";
import {
  memoryInbox,
  telesignCallback,
  TelesignCallbackError,
  type Inbox,
  type TelesignCallback,
} from "telesign-callback";

import { mounts } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

const nothing = {
  accepted: 0,
  duplicates: 0,
  rejected: {},
  delivered: 0,
  failed: 0,
  deadLettered: 0,
  inboxErrors: 0,
  running: 0,
  waiting: 0,
  lastAcceptedAt: undefined,
};

async function serve(callback: TelesignCallback) {
  callback.on("error", () => {});
  const { port } = await listen((req, res) => callback(req, res, () => res.end()));
  return (body: object | string) =>
    exchange(port, post("/", typeof body === "string" ? body : JSON.stringify(body)));
}

describe.each(mounts)("stats(), %s,", (_, { serve, ...parts }) => {
  it("counts what a callback has done since it was made", async () => {
    let isFailing = false;
    const callback = parts.telesignCallback({
      maxBodySize: 1_000,
      onMessage: () => (isFailing ? Promise.reject(new Error("mine")) : undefined),
    });
    callback.on("error", () => {});
    expect(callback.stats()).toEqual(nothing);
    const { port } = await listen(serve(callback));
    const send = (body: object) => request(`http://127.0.0.1:${port}`).post("/").send(body);
    const before = new Date();
    await send(documented).expect(200);
    await send(documented).expect(200);
    await send(documented).expect(200);
    isFailing = true;
    await send(fresh()).expect(200);
    await send({}).expect(400);
    await send([]).expect(400);
    await send(fresh({ mo_message: "x".repeat(1_000) })).expect(413);
    await callback.settled();
    const { lastAcceptedAt, ...counts } = callback.stats();
    expect(counts).toEqual({
      ...nothing,
      lastAcceptedAt: undefined,
      accepted: 2,
      duplicates: 2,
      rejected: { 400: 2, 413: 1 },
      delivered: 1,
      failed: 1,
    });
    expect(lastAcceptedAt!.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(lastAcceptedAt!.getTime()).toBeLessThanOrEqual(Date.now());
    await callback.close();
    await send(fresh()).expect(503);
    expect(callback.stats().rejected).toEqual({ 400: 2, 413: 1, 503: 1 });
  });
});

describe("stats()", () => {
  it("is a frozen snapshot that later deliveries do not change, with a Date that no other one shares", async () => {
    const callback = telesignCallback({ onMessage() {} });
    const send = await serve(callback);
    await send(documented);
    await send("{}");
    const stats = callback.stats();
    const copy = structuredClone(stats);
    expect([Object.isFrozen(stats), Object.isFrozen(stats.rejected)]).toEqual([true, true]);
    await send(fresh());
    await send("{}");
    expect(stats).toEqual(copy);
    callback.stats().lastAcceptedAt!.setTime(0);
    expect(callback.stats().lastAcceptedAt!.getTime()).toBeGreaterThan(0);
  });

  it("holds no text", async () => {
    const callback = telesignCallback({ onMessage: () => Promise.reject(new Error("mine")) });
    const send = await serve(callback);
    await send(documented);
    await send({ ...documented, mo_message: ["meet me"] });
    await callback.settled();
    const stats = callback.stats();
    const values = Object.values({ ...stats, ...stats.rejected, rejected: 0, lastAcceptedAt: 0 });
    expect(values.filter((value) => typeof value !== "number")).toEqual([]);
    for (const word of [...Object.values(documented), "meet me", "mine"]) {
      expect(inspect(stats)).not.toContain(word);
    }
  });

  it("counts hand-overs under way, and notifications that no listener has been given yet", async () => {
    let finish = () => {};
    const callback = telesignCallback();
    const send = await serve(callback);
    await send(fresh());
    await send(fresh());
    expect(callback.stats()).toMatchObject({ running: 0, waiting: 2, delivered: 0 });
    const started = new Promise<void>((resolve) => {
      const work = new Promise<void>((settle) => (finish = settle));
      let count = 0;
      callback.onMessage(() => {
        count += 1;
        if (count === 2) resolve();
        return work;
      });
    });
    await started;
    expect(callback.stats()).toMatchObject({ running: 2, waiting: 0, delivered: 0 });
    finish();
    await callback.settled();
    expect(callback.stats()).toMatchObject({ running: 0, waiting: 0, delivered: 2 });
  });

  it("counts a notification as waiting while its answer is held back", async () => {
    let release = () => {};
    const callback = telesignCallback({ onMessage() {} });
    const isHeld = new Promise<void>((resolve) => {
      void listen((req, res) => {
        const end = res.end.bind(res) as (text: string) => ServerResponse;
        res.end = ((text: string) => {
          release = () => end(text);
          resolve();
          return res;
        }) as typeof res.end;
        callback(req, res, () => res.end());
      }).then(({ port }) => exchange(port, post("/", JSON.stringify(fresh()))));
    });
    await isHeld;
    expect(callback.stats()).toMatchObject({ accepted: 1, running: 0, waiting: 1 });
    release();
    await callback.settled();
    expect(callback.stats()).toMatchObject({ delivered: 1, running: 0, waiting: 0 });
  });

  it("counts what waits in an inbox that has waiting(), and nothing in one without it", () => {
    const { accept, consume, close } = memoryInbox();
    const silent = { accept, consume, close };
    expect(telesignCallback({ inbox: silent }).stats().waiting).toBe(0);
    const speaking = { ...memoryInbox(), waiting: () => 7 };
    expect(telesignCallback({ inbox: speaking }).stats().waiting).toBe(7);
  });

  it("counts dead letters, and each error of the inbox", async () => {
    let report: (error: Error) => void = () => {};
    const inbox: Inbox = {
      ...memoryInbox(),
      accept: () => Promise.reject(new Error("no connection")),
      onError: (listener) => (report = listener),
      close: () => new Promise(() => {}),
    };
    const callback = telesignCallback({ inbox, onMessage() {} });
    const send = await serve(callback);
    await send(fresh());
    report(new TelesignCallbackError("ERR_DEAD_LETTER", "every attempt failed"));
    report(new Error("no connection"));
    await callback.settled();
    expect(callback.stats()).toMatchObject({ accepted: 1, deadLettered: 1, inboxErrors: 2 });
    await callback.close({ timeout: 1 });
    expect(callback.stats()).toMatchObject({ inboxErrors: 3 });
  });
});
