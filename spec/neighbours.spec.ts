import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import express from "express";
import Joi from "joi";
import request from "supertest";
import {
  notificationSchema,
  telesignCallback,
  type HandOver,
  type Inbox,
  type MessageNotification,
} from "telesign-callback";

import { next } from "./support/events.js";
import { documented, fresh } from "./support/notifications.js";
import { turn } from "./support/timers.js";
import { dial, exchange, listen, post } from "./support/wire.js";

const rest = { consume: () => () => Promise.resolve(), close: () => Promise.resolve() };

describe("telesignCallback, when listeners come and go", () => {
  it("starts listeners in order of arrival when the last one leaves and another comes", async () => {
    const callback = telesignCallback();
    const held = new Map<string, () => void>();
    const { port } = await listen((req, res) => {
      const id = String(req.headers["x-held"]);
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      if (id !== "undefined") {
        res.end = ((text: string) => (held.set(id, () => end(text)), res)) as typeof res.end;
      }
      callback(req, res, () => res.end());
    });
    const texts: string[] = [];
    const listenOnce = () =>
      new Promise<void>((resolve) => {
        const leave = callback.onMessage(({ mo_message }) => {
          texts.push(mo_message);
          leave();
          resolve();
        });
      });
    const first = listenOnce();
    const send = (text: string, headers: string[] = []) =>
      exchange(port, post("/", JSON.stringify(fresh({ mo_message: text })), headers));
    const isHeld = async (id: string) => {
      while (!held.has(id)) await new Promise((resolve) => setImmediate(resolve));
    };
    const answers = [send("1", ["X-Held: 1"])];
    await isHeld("1");
    await send("2");
    answers.push(send("3", ["X-Held: 3"]));
    await isHeld("3");
    await send("4");
    held.get("1")!();
    await first;
    const second = listenOnce();
    held.get("3")!();
    await second;
    await listenOnce();
    await listenOnce();
    await Promise.all(answers);
    expect(texts).toEqual(["1", "2", "3", "4"]);
  });

  it("keeps the request's AsyncLocalStorage for a message that waits for its first listener", async () => {
    const store = new AsyncLocalStorage<string>();
    const callback = telesignCallback();
    const app = express().use((_req, _res, proceed) => store.run("the request", proceed), callback);
    await request(app).post("/").send(fresh()).expect(200);
    const seen = await new Promise((resolve) => {
      callback.onMessage(() => resolve(store.getStore()));
    });
    expect(seen).toBe("the request");
  });

  it("keeps the request's AsyncLocalStorage for the error about a message that no listener took", async () => {
    const storage = new AsyncLocalStorage<string>();
    const callback = telesignCallback();
    const contexts: unknown[] = [];
    callback.on("error", () => contexts.push(storage.getStore()));
    const app = express().use((_req, _res, go) => storage.run("a request", go), callback);
    await request(app).post("/").send(fresh()).expect(200);
    await storage.run("close", () => callback.close());
    expect(contexts).toEqual(["a request"]);
  });

  it("starts listeners in order of arrival when a message arrives while a listener is replaced", async () => {
    const callback = telesignCallback();
    const texts: string[] = [];
    const finish: Record<string, () => void> = {};
    const send = (text: string) => {
      const res = Object.assign(new EventEmitter(), { setHeader() {}, end() {} });
      finish[text] = () => void res.emit("finish");
      const rawBody = JSON.stringify(fresh({ mo_message: text }));
      const req = { method: "POST", url: "/", headers: {}, rawBody };
      callback(req as never, res as never, () => {});
    };
    const leave = callback.onMessage(({ mo_message }) => {
      texts.push(mo_message);
      leave();
      callback.onMessage((message) => texts.push(message.mo_message));
      send("4");
    });
    for (const text of ["1", "2", "3"]) send(text);
    await turn();
    finish["1"]!();
    await turn();
    for (const text of ["2", "3", "4"]) finish[text]!();
    await callback.settled();
    expect(texts).toEqual(["1", "2", "3", "4"]);
  });

  it("counts a hand-over as running when its listener calls stats()", async () => {
    const callback = telesignCallback();
    const seen = new Promise((resolve) => {
      callback.onMessage(() => resolve(callback.stats().running));
    });
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    expect(await seen).toBe(1);
  });

  it("keeps lastAcceptedAt when a listener changes the Date that it was given", async () => {
    const callback = telesignCallback({
      onMessage: (_message, { receivedAt }) => receivedAt.setTime(0),
    });
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    await callback.settled();
    expect(callback.stats().lastAcceptedAt?.getTime()).toBeGreaterThan(0);
  });
});

describe("telesignCallback, with a custom schema", () => {
  it("leaves the schema's own `convert` preference as it is", async () => {
    const schema = notificationSchema.keys({ count: Joi.number() }).prefs({ convert: false });
    const { body } = await request(express().use(telesignCallback({ schema })))
      .post("/")
      .send({ ...fresh(), count: "5" })
      .expect(400);
    expect(body.errors).toEqual([{ field: "count", rule: "number.base" }]);
  });

  it("hands over what the schema returned, even to a listener that comes later", async () => {
    const schema = notificationSchema.keys({ at: Joi.date() });
    const callback = telesignCallback({ schema });
    const sent = { ...fresh(), at: "2026-01-01T00:00:00Z" };
    await request(express().use(callback)).post("/").send(sent).expect(200);
    const message = await new Promise<MessageNotification>((resolve) => {
      callback.onMessage(resolve);
    });
    expect(message.at).toEqual(new Date("2026-01-01T00:00:00Z"));
  });
});

describe("telesignCallback, behind an unusual host or unusual middleware", () => {
  it("counts a chunked body as consumed when a parser of Express 4 left an empty object", async () => {
    const callback = telesignCallback();
    const reported = next(callback, "error");
    const drain = (req: IncomingMessage & { body?: unknown }, _res: unknown, go: () => void) => {
      req.resume().on("end", () => {
        req.body = {};
        go();
      });
    };
    const { port } = await listen(express().use(drain, callback));
    const body = JSON.stringify(fresh());
    const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await exchange(port, head + chunk)).toMatch(/^HTTP\/1.1 500 /);
    expect((await reported)[0].code).toBe("ERR_BODY_CONSUMED");
  });

  it("reads a Content-Encoding that is an array", async () => {
    const repeat = (req: IncomingMessage, _res: unknown, proceed: () => void) => {
      Object.assign(req.headers, { "content-encoding": ["identity"] });
      proceed();
    };
    await request(express().use(repeat, telesignCallback())).post("/").send(fresh()).expect(200);
  });

  it("flushes a refusal, so that compression does not keep it until the upload ends", async () => {
    const flushed = jest.fn();
    const compress = (_req: unknown, res: ServerResponse, proceed: () => void) => {
      Object.assign(res, { flush: flushed });
      proceed();
    };
    const callback = telesignCallback({ allowFrom: ["192.0.2.1"] });
    await request(express().use(compress, callback)).post("/").send(fresh()).expect(403);
    expect(flushed).toHaveBeenCalledTimes(1);
  });

  it("refuses an address that is null with 403", async () => {
    const hide = (req: object, _res: unknown, proceed: () => void) => {
      Object.defineProperty(req, "ip", { value: null });
      proceed();
    };
    const callback = telesignCallback({ allowFrom: ["127.0.0.1"] });
    await request(express().use(hide, callback)).post("/").send(fresh()).expect(403);
  });

  it("ends the connection of a refusal when other middleware makes end() throw", async () => {
    const callback = telesignCallback({ maxBodySize: 1_000 });
    const { port } = await listen((req, res) => {
      res.end = () => {
        throw new Error("store down");
      };
      callback(req, res, () => {});
    });
    const body = JSON.stringify(fresh({ mo_message: "x".repeat(2_000) }));
    expect(await exchange(port, post("/", body))).toMatch(/^HTTP\/1.1 413 /);
  });

  it("does not hold messages up for an answer that other middleware has given", async () => {
    const onMessage = jest.fn();
    const callback = telesignCallback({ onMessage });
    const { port } = await listen((req, res) => {
      if (req.headers["x-late"]) {
        res.statusCode = 503;
        Object.assign(req, { rawBody: JSON.stringify(fresh()) });
        res.on("close", () => callback(req, res, () => {})).end();
      } else {
        callback(req, res, () => {});
      }
    });
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(fresh()), ["X-Late: 1"], "keep-alive"));
    await once(socket, "data");
    await exchange(port, post("/", JSON.stringify(fresh())));
    // Long before the end of the 4 s for which an answer may be held back.
    for (let turns = 0; turns < 100; turns += 1) await turn();
    expect(onMessage).toHaveBeenCalledTimes(2);
    socket.destroy();
  });

  it("is found at a mount point by a URL that names an origin", async () => {
    const app = express().use("/hooks", telesignCallback());
    const { port } = await listen(app);
    for (const path of ["http://a.example/hooks", "http://a.example/hooks?x=1"]) {
      expect(await exchange(port, post(path, JSON.stringify(fresh())))).toMatch(/^HTTP\/1.1 200 /);
    }
  });

  it.each([
    [
      "a field that throws",
      {
        get mo_message(): string {
          throw new Error("boom");
        },
      },
    ],
    [
      "a nested getter that throws",
      {
        nested: {
          get deep(): string {
            throw new Error("boom");
          },
        },
      },
    ],
    [
      "a proxy that throws",
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error("boom");
          },
        },
      ),
    ],
  ])("counts a parsed body with %s as consumed", async (_, body) => {
    const callback = telesignCallback();
    const reported = next(callback, "error");
    const app = express().use((req, _res, go) => {
      req.resume().on("end", () => {
        req.body = body;
        go();
      });
    }, callback);
    await request(app).post("/").send(fresh()).expect(500);
    expect((await reported)[0].code).toBe("ERR_BODY_CONSUMED");
  });

  it("treats an HTTP/2 request that was reset as a client that hung up", async () => {
    const callback = telesignCallback();
    const rejected = jest.fn();
    const onMessage = jest.fn();
    callback.on("rejected", rejected);
    callback.onMessage(onMessage);
    const server = createHttp2Server((req, res) =>
      callback(
        req as unknown as IncomingMessage,
        res as unknown as ServerResponse,
        () => void res.end(),
      ),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const closed = new Promise((resolve) =>
      server.once("stream", (stream) => stream.once("close", resolve)),
    );
    const stream = client.request({ ":method": "POST", ":path": "/" }, { endStream: false });
    stream.on("error", () => {});
    stream.write(JSON.stringify(documented));
    await once(server, "stream");
    await new Promise((resolve) => setImmediate(resolve));
    stream.close(8);
    await closed;
    await callback.close();
    client.destroy();
    server.close();
    expect(rejected).not.toHaveBeenCalled();
    expect(onMessage).not.toHaveBeenCalled();
  });
});

describe("telesignCallback, with an unusual inbox", () => {
  it("returns stats() even if the inbox has a property named waiting", () => {
    const inbox = { accept: () => "accepted", ...rest, waiting: new Map() } as unknown as Inbox;
    expect(telesignCallback({ inbox }).stats().waiting).toBe(0);
  });

  it("returns stats() even if the inbox cannot say how many wait", () => {
    const waiting = () => {
      throw new Error("not today");
    };
    const inbox: Inbox = { accept: () => "accepted", ...rest, waiting };
    expect(telesignCallback({ inbox }).stats().waiting).toBe(0);
  });

  it.each([NaN, -5, Infinity, "3" as unknown as number, Promise.resolve(3) as unknown as number])(
    "counts no waiting notifications if the inbox says that %s wait",
    (count) => {
      const inbox: Inbox = { accept: () => "accepted", ...rest, waiting: () => count };
      expect(telesignCallback({ inbox }).stats().waiting).toBe(0);
    },
  );

  it("settles after the inbox handed over undefined", async () => {
    let handOver: HandOver = () => Promise.resolve();
    const inbox: Inbox = {
      ...rest,
      accept: () => "accepted",
      consume: (consumer) => ((handOver = consumer), () => Promise.resolve()),
    };
    const callback = telesignCallback({ inbox, onMessage() {} });
    await expect(handOver(undefined as never, undefined as never)).rejects.toThrow(TypeError);
    await callback.settled();
  });
});

describe("telesignCallback, with an unusual subscriber to its tracing channels", () => {
  it("answers 200 when the subscriber removes the carrier", async () => {
    const { start } = tracingChannel("telesign-callback:request");
    const remove = (trace: unknown) => void Object.assign(trace as object, { carrier: null });
    start.subscribe(remove);
    await request(express().use(telesignCallback())).post("/").send(fresh()).expect(200);
    start.unsubscribe(remove);
  });

  it("answers 200 when a getter of the carrier throws", async () => {
    const { start } = tracingChannel("telesign-callback:request");
    const poison = (trace: unknown) =>
      void Object.defineProperty((trace as { carrier: object }).carrier, "traceparent", {
        enumerable: true,
        get: () => {
          throw new Error("not today");
        },
      });
    start.subscribe(poison);
    await request(express().use(telesignCallback())).post("/").send(fresh()).expect(200);
    start.unsubscribe(poison);
  });

  it("hands the message over when the carrier itself is a getter that throws", async () => {
    const onStart = (trace: object) =>
      void Object.defineProperty(trace, "carrier", {
        get() {
          throw new Error("no carrier");
        },
      });
    const { start } = tracingChannel<unknown, object>("telesign-callback:request");
    start.subscribe(onStart as never);
    const onMessage = jest.fn();
    const callback = telesignCallback({ onMessage });
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    start.unsubscribe(onStart as never);
    await callback.settled();
    expect(onMessage).toHaveBeenCalledTimes(1);
  });

  it("counts a hand-over whose trace the subscriber has frozen", async () => {
    const { start } = tracingChannel("telesign-callback:message");
    const freeze = (trace: unknown) => void Object.freeze(trace);
    start.subscribe(freeze);
    const callback = telesignCallback({ onMessage() {} });
    await request(express().use(callback)).post("/").send(fresh()).expect(200);
    await callback.settled();
    start.unsubscribe(freeze);
    expect(callback.stats()).toMatchObject({ delivered: 1, running: 0 });
  });
});
