import express from "express";
import request from "supertest";
import { telesignCallback } from "telesign-callback";

import documented from "./fixtures/documented.json";

describe("telesignCallback, when TeleSign retries a notification", () => {
  it("acknowledges both deliveries and emits the message once", async () => {
    const callback = telesignCallback();
    const listener = jest.fn();
    callback.onMessage(listener);
    const app = express().use(callback);
    await request(app).post("/").send(documented).expect(200, { status: "accepted" });
    await request(app).post("/").send(documented).expect(200, { status: "duplicate" });
    expect(listener).toHaveBeenCalledTimes(1);
  });
});
