import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

import express from "express";
import { telesignCallback, type TelesignCallback } from "telesign-callback";
import { deliver, notification, sign } from "telesign-callback/testing";

import * as clock from "../lib/clock.js";
import { closeServers, createReceiver, listenWith, serve } from "./support/receivers.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const customerId = "01234567-89AB-CDEF-0123-456789ABCDEF";
const aNumber: unknown = expect.any(Number);

// Real timers, except where a spec replaces `after`.
jest.mock("../lib/clock.js", () => {
  const actual = jest.requireActual<typeof clock>("../lib/clock.js");
  return { ...actual, after: jest.fn(actual.after), within: jest.fn(actual.within) };
});

/** Lets every wait pass at once. Returns the waits, in ms. */
function skipWaits(): number[] {
  const waits: number[] = [];
  jest.mocked(clock.after).mockImplementation((milliseconds, callback) => {
    waits.push(milliseconds);
    queueMicrotask(callback);
    return () => {};
  });
  return waits;
}

afterEach(() => {
  const actual = jest.requireActual<typeof clock>("../lib/clock.js");
  jest.mocked(clock.after).mockImplementation(actual.after);
  jest.mocked(clock.within).mockImplementation(actual.within);
  closeServers();
});

/** The notification of the next event. */
function eventOf(callback: TelesignCallback, event: "message" | "duplicate"): Promise<unknown> {
  return new Promise((resolve) => callback.on(event, (...[message]) => resolve(message)));
}

describe("deliver, to a receiver that answers 200", () => {
  it("posts the notification once, as JSON, unsigned", async () => {
    const { listener, received } = createReceiver();
    const message = notification({ mo_message: "✓" });
    expect(await deliver(listener, message)).toEqual([{ status: 200, ms: aNumber }]);
    const body = Buffer.from(JSON.stringify(message));
    expect(received).toMatchObject([{ method: "POST", url: "/", body }]);
    expect(received[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": String(body.length),
    });
    expect(received[0]?.headers).not.toHaveProperty("authorization");
  });

  it.each<[string, { apiKey: string; customerId?: string }]>([
    ["without a Customer ID", { apiKey }],
    ["and a Customer ID", { apiKey, customerId }],
  ])("signs with the API key %s", async (_, signer) => {
    const { listener, received } = createReceiver();
    const message = notification();
    await deliver(listener, message, signer);
    const signed = sign(JSON.stringify(message), signer);
    expect(received[0]?.headers).toMatchObject({
      authorization: signed.Authorization,
      "x-ts-authorization": signed["X-TS-Authorization"],
    });
  });

  it("satisfies an app that verifies signatures, which recognises the second delivery as a duplicate", async () => {
    const callback = telesignCallback({ apiKey, maxAge: 120_000 });
    const message = notification();
    const [heard, repeated] = [eventOf(callback, "message"), eventOf(callback, "duplicate")];
    const app = express().use(callback);
    await deliver(app, message, { apiKey });
    await deliver(app, message, { apiKey });
    expect(await heard).toEqual(message);
    expect(await repeated).toEqual(message);
  });
});

describe("deliver, when the receiver fails", () => {
  it("makes three attempts with the same bytes and the same signature", async () => {
    const { listener, received } = createReceiver(503, 404);
    const attempts = await deliver(listener, notification(), { apiKey, waits: [0, 1] });
    expect(attempts.map(({ status }) => status)).toEqual([503, 404, 200]);
    expect(received).toHaveLength(3);
    const [first, ...others] = received.map(({ body, headers }) => [body, headers.authorization]);
    for (const other of others) expect(other).toEqual(first);
  });

  it.each([201, 204, 301, 400, 500])(
    "counts a %i as a failure, and gives up after the last attempt",
    async (status) => {
      const { listener, received } = createReceiver(status, status, status, status);
      const attempts = await deliver(listener, notification(), { waits: [0, 0] });
      expect(attempts.map((attempt) => attempt.status)).toEqual([status, status, status]);
      expect(received).toHaveLength(3);
    },
  );

  it("makes one attempt more than there are waits", async () => {
    const { listener, received } = createReceiver(500);
    await deliver(listener, notification(), { waits: [] });
    expect(received).toHaveLength(1);
  });

  it("waits 10 s, then 30 s, as TeleSign does", async () => {
    const { listener, received } = createReceiver(500, 500);
    const waits = skipWaits();
    await deliver(listener, notification());
    expect(waits).toEqual([10_000, 30_000]);
    expect(received).toHaveLength(3);
  });

  it("accepts waits and timeouts that are longer than the longest Node timer", async () => {
    const { listener, received } = createReceiver(500);
    const waits = skipWaits();
    await deliver(listener, notification(), { waits: [2 ** 40], timeout: 8.64e15 });
    expect(waits).toEqual([2 ** 40]);
    expect(received).toHaveLength(2);
  });

  it("waits up to 5 s for an answer, as TeleSign's SMS products do", async () => {
    await deliver(createReceiver().listener, notification());
    expect(clock.within).toHaveBeenCalledWith(5_000, expect.any(Promise));
  });

  it("reports the code of an error, without the address", async () => {
    const gone = createServer();
    const port = await listenWith(gone);
    gone.close();
    await once(gone, "close");
    const url = `http://127.0.0.1:${port}/secret`;
    const refused = { error: "ECONNREFUSED", ms: aNumber };
    expect(await deliver(url, notification(), { waits: [0] })).toEqual([refused, refused]);
  });

  it.each<[string, RequestListener]>([
    ["never answers", () => {}],
    ["never finishes its answer", (_, res) => void res.writeHead(200).write("begun")],
  ])("stops waiting for a receiver that %s", async (_, listener) => {
    const attempts = await deliver(listener, notification(), { waits: [], timeout: 50 });
    expect(attempts).toEqual([{ error: "ETIMEDOUT", ms: aNumber }]);
  });

  it("hangs up on a receiver that is too slow", async () => {
    await new Promise((resolve) => {
      const listener: RequestListener = (req) => void req.socket.on("close", resolve);
      void serve(listener).then((url) => deliver(url, notification(), { waits: [], timeout: 50 }));
    });
  });

  it("tells how many milliseconds each attempt took", async () => {
    const before = performance.now();
    const [attempt] = await deliver(createReceiver().listener, notification());
    expect(attempt!.ms).toBeLessThanOrEqual(Math.ceil(performance.now() - before));
  });

  it.each<[string, RequestListener]>([
    ["hangs up", (req) => void req.socket.destroy()],
    ["breaks off its answer", (_, res) => void res.write("begun", () => res.destroy())],
  ])("counts a receiver that %s as a failure", async (_, listener) => {
    const attempts = await deliver(listener, notification(), { waits: [] });
    expect(attempts).toEqual([{ error: "ECONNRESET", ms: aNumber }]);
  });
});
