import express from "express";
import Joi from "joi";
import request from "supertest";
import { notificationSchema, telesignCallback } from "telesign-callback";

import { documented, fresh } from "./support/notifications.js";

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

describe("maxAge", () => {
  const app = express().use(telesignCallback({ maxAge: 5 * 60_000 }));

  it.each([
    ["now", 0],
    ["4 minutes ago", 4],
    ["54 s ahead", -0.9],
  ])("of 5 minutes accepts a notification dated %s", async (_, minutes) => {
    await request(app)
      .post("/")
      .send(fresh({ submit_timestamp: minutesAgo(minutes) }))
      .expect(200);
    const withoutZone = minutesAgo(minutes).replace("Z", "000");
    await request(app)
      .post("/")
      .send(fresh({ submit_timestamp: withoutZone }))
      .expect(200);
  });

  it("refuses a notification dated more than 60 s ahead, which could be replayed for that much longer", async () => {
    const { body } = await request(app)
      .post("/")
      .send(fresh({ submit_timestamp: minutesAgo(-1.1) }))
      .expect(400);
    expect(body).toEqual({
      type: "about:blank",
      title: "Notification dated ahead",
      status: 400,
      errors: [{ field: "submit_timestamp", rule: "date.max" }],
    });
  });

  it("may be longer than the longest Node timer", async () => {
    const callback = telesignCallback({ maxAge: 30 * 86_400_000 });
    const notification = fresh({ submit_timestamp: minutesAgo(29 * 24 * 60) });
    await request(express().use(callback)).post("/").send(notification).expect(200);
  });

  it("is exact: a notification of that age or 60 s ahead passes, and one a millisecond beyond does not", async () => {
    const now = Date.parse("2026-11-23T12:00:00.000Z");
    jest.useFakeTimers({
      doNotFake: ["nextTick", "queueMicrotask", "setImmediate", "setTimeout"],
      now,
    });
    const sentAt = (ms: number) =>
      request(app)
        .post("/")
        .send(fresh({ submit_timestamp: new Date(ms).toISOString() }));
    await sentAt(now - 5 * 60_000).expect(200);
    await sentAt(now - 5 * 60_000 - 1).expect(400);
    await sentAt(now + 60_000).expect(200);
    await sentAt(now + 60_001).expect(400);
    jest.useRealTimers();
  });

  it("of 5 minutes refuses a notification dated 6 minutes ago", async () => {
    await request(app)
      .post("/")
      .send(fresh({ submit_timestamp: minutesAgo(6) }))
      .expect(400, {
        type: "about:blank",
        title: "Notification too old, or of unknown age",
        status: 400,
        errors: [{ field: "submit_timestamp", rule: "date.min" }],
      });
  });

  it("refuses an unreadable timestamp that a custom schema lets pass", async () => {
    const schema = notificationSchema.keys({ submit_timestamp: Joi.any() });
    const lenient = express().use(telesignCallback({ maxAge: 5 * 60_000, schema }));
    for (const submit_timestamp of ["yesterday", 1518447431, null, [minutesAgo(1)]]) {
      const { body } = await request(lenient)
        .post("/")
        .send({ ...documented, submit_timestamp })
        .expect(400);
      expect(body.errors).toEqual([{ field: "submit_timestamp", rule: "string.isoDate" }]);
    }
  });

  it("does not remember a notification that it refused", async () => {
    const message = fresh();
    await request(app)
      .post("/")
      .send({ ...message, submit_timestamp: minutesAgo(6) })
      .expect(400);
    await request(app)
      .post("/")
      .send({ ...message, submit_timestamp: minutesAgo(1) })
      .expect(200, { status: "accepted" });
  });

  it("is off by default, so the documented example of 2018 passes", async () => {
    await request(express().use(telesignCallback())).post("/").send(documented).expect(200);
  });
});
