import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import express from "express";
import request from "supertest";
import {
  telesignCallback,
  type HandOver,
  type Inbox,
  type Outcome,
  type TelesignCallback,
} from "telesign-callback";

import { next } from "./support/events.js";
import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

const rest = { consume: () => () => Promise.resolve(), close: () => Promise.resolve() };

describe("the answer when the inbox fails", () => {
  const broken: [string, Inbox["accept"]][] = [
    [
      "throws",
      () => {
        throw Object.assign(new Error("15551234"), { code: "EBROKEN", command: "15551234" });
      },
    ],
    [
      "throws something other than an error",
      () => {
        throw undefined as unknown as Error;
      },
    ],
    [
      "rejects",
      () => Promise.reject(Object.assign(new RangeError("15551234"), { code: "EBROKEN" })),
    ],
    ["returns nonsense", () => "yes" as unknown as Outcome],
    ["returns nothing", () => undefined as unknown as Outcome],
    [
      "throws a revoked proxy",
      () => {
        const { proxy, revoke } = Proxy.revocable(new Error(), {});
        revoke();
        throw proxy;
      },
    ],
  ];

  it.each(broken)(
    "is 200 when accept %s, and the listeners get the message",
    async (_name, accept) => {
      const callback = telesignCallback({ inbox: { accept, ...rest } });
      const listener = jest.fn();
      callback.onMessage(listener);
      const reported = next(callback, "error");
      const app = express().use(callback);
      await request(app).post("/").send(documented).expect(200, { status: "accepted" });
      const [error] = await reported;
      expect(error).toMatchObject({
        name: "TelesignCallbackError",
        code: "ERR_INBOX",
        notification: documented,
      });
      expect(error.message).toMatch("listeners of this process get it now");
      expect((error.cause as Error).message).toBe("");
      await callback.close();
      expect(listener.mock.calls).toEqual([[documented, expect.objectContaining({ attempt: 1 })]]);
    },
  );

  it("is sent before the error event when the inbox reports an error while it accepts", async () => {
    const order: string[] = [];
    let tell: (error: Error) => void = () => {};
    const accept = (): Outcome => {
      tell(new Error("disk nearly full"));
      return "accepted";
    };
    const onError = (listener: (error: Error) => void) => (tell = listener);
    const callback = telesignCallback({ inbox: { ...rest, accept, onError } });
    const reported = new Promise<void>((resolve) => {
      callback.on("error", () => {
        order.push("error");
        resolve();
      });
    });
    const { port } = await listen((req, res) => {
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      res.end = ((text: string) => (order.push("answer"), end(text))) as typeof res.end;
      callback(req, res, () => res.end());
    });
    await Promise.all([exchange(port, post("/", JSON.stringify(fresh()))), reported]);
    expect(order).toEqual(["answer", "error"]);
  });

  it("is 200 even without a message listener, and an error carries the message", async () => {
    const accept = () => Promise.reject(new Error());
    const callback = telesignCallback({ inbox: { accept, ...rest } });
    const errors = jest.fn();
    callback.on("error", errors);
    await request(express().use(callback)).post("/").send(documented).expect(200);
    await callback.close();
    expect(errors.mock.calls.map(([error]) => [error.code, error.notification])).toEqual([
      ["ERR_INBOX", documented],
      ["ERR_NO_LISTENER", documented],
    ]);
    expect(errors.mock.calls[1][0].message).toMatch("subscribe before the server listens");
  });

  it("is 200 when a listener fails as well, and each failure is one error event", async () => {
    const accept = () => Promise.reject(new Error());
    const callback = telesignCallback({ inbox: { accept, ...rest } });
    callback.onMessage(() => Promise.reject(new Error("mine")));
    const errors = jest.fn();
    callback.on("error", errors);
    await request(express().use(callback)).post("/").send(documented).expect(200);
    await callback.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors.mock.calls.map(([error]) => error.code)).toEqual(["ERR_INBOX", "ERR_LISTENER"]);
  });

  it.each([
    [{ message: "WRONGPASS invalid username 15551234" }, "WRONGPASS"],
    [{ message: "15551234 is no code" }, undefined],
    [{ message: "of 15551234: OOM is not first" }, undefined],
    [{ name: "Error", message: "OOM is of another client" }, undefined],
    [{ message: "OOM 15551234", code: "EREDIS" }, "EREDIS"],
    [{ message: 15551234, code: "EREDIS" }, "EREDIS"],
  ])(
    "comes with an error event whose cause has Redis's own code or none: case %#",
    async (parts, code) => {
      const fault = Object.assign(new Error(), { name: "ReplyError" }, parts);
      const callback = telesignCallback({
        inbox: { accept: () => Promise.reject(fault), ...rest },
      });
      callback.onMessage(() => {});
      const reported = next(callback, "error");
      await request(express().use(callback)).post("/").send(documented).expect(200);
      const { cause } = (await reported)[0];
      expect(cause).toMatchObject({ name: fault.name, message: "" });
      expect((cause as { code?: string }).code).toBe(code);
    },
  );

  it("comes with an error event whose cause has no code if the code of the engine's error is not a string", async () => {
    const fault = Object.assign(new Error(), { name: 5, code: { args: ["15551234"] } });
    const callback = telesignCallback({ inbox: { accept: () => Promise.reject(fault), ...rest } });
    callback.onMessage(() => {});
    const reported = next(callback, "error");
    await request(express().use(callback)).post("/").send(documented).expect(200);
    const { cause } = (await reported)[0];
    expect(cause).toEqual(new Error());
    expect((cause as Error).name).toBe("Error");
    expect(cause).not.toHaveProperty("code");
  });

  it("comes with an error event whose cause has the code of Node's error, even inside Jest", async () => {
    const accept = () =>
      new Promise<Outcome>((_resolve, reject) => connect(1, "127.0.0.1").on("error", reject));
    const callback = telesignCallback({ inbox: { accept, ...rest } });
    callback.onMessage(() => {});
    const reported = next(callback, "error");
    await request(express().use(callback)).post("/").send(documented).expect(200);
    expect((await reported)[0].cause).toMatchObject({ name: "Error", code: "ECONNREFUSED" });
  });

  it("comes with an error event whose cause has only the name and the code of the engine's error", async () => {
    const callback = telesignCallback({ inbox: { accept: broken[0]![1], ...rest } });
    callback.onMessage(() => {});
    const reported = next(callback, "error");
    await request(express().use(callback)).post("/").send(documented).expect(200);
    const { cause } = (await reported)[0] as { cause: Error & { code: string; command?: string } };
    expect([cause.name, cause.code, cause.message, cause.command]).toEqual([
      "Error",
      "EBROKEN",
      "",
      undefined,
    ]);
  });
});

describe("the answer to a delivery that the inbox is slow to accept", () => {
  it("leaves before any listener starts, even if a retry was answered first", async () => {
    const order: string[] = [];
    const stored = new EventEmitter();
    let handOver: HandOver = () => Promise.resolve();
    const inbox: Inbox = {
      accept: async (message, delivery) => {
        if (order.push("asked") > 1) return "duplicate";
        await once(stored, "stored");
        handOver(message, delivery).catch(() => {});
        await new Promise((resolve) => setImmediate(resolve));
        order.push("accepted");
        return "accepted";
      },
      consume: (consumer) => {
        handOver = consumer;
        return () => Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    const callback = telesignCallback({ inbox, onMessage: () => order.push("listener") });
    const app = express().use(callback);
    const first = request(app).post("/").send(documented).expect(200, { status: "accepted" });
    const answered = first.then(() => {});
    while (order.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await request(app).post("/").send(documented).expect(200, { status: "duplicate" });
    stored.emit("stored");
    await answered;
    await callback.close();
    expect(order).toEqual(["asked", "asked", "accepted", "listener"]);
  });
});

describe.each(expressVersions)("the answer, in an %s app,", (_, { express, telesignCallback }) => {
  it.each(["accepted", "duplicate"] as const)(
    "holds the inbox's outcome, %s, whether that was returned at once or later",
    async (outcome) => {
      for (const accept of [() => outcome, () => Promise.resolve(outcome)]) {
        const app = express().use(telesignCallback({ inbox: { accept, ...rest } }));
        await request(app).post("/").send(documented).expect(200, { status: outcome });
      }
    },
  );

  it("is left to middleware that has answered already, and the message is still emitted", async () => {
    const impatient = (_req: unknown, res: { end(text: string): void }, proceed: () => void) => {
      res.end("too late");
      proceed();
    };
    const callback = telesignCallback();
    const message = next(callback, "message");
    const failed = jest.fn();
    const onError = (_error: Error, _req: unknown, _res: unknown, _next: unknown) => failed();
    await request(express().use(impatient, callback, onError))
      .post("/")
      .send(documented)
      .expect(200, "too late");
    expect((await message)[0]).toEqual(documented);
    await callback.close();
    expect(failed).not.toHaveBeenCalled();
  });

  it("is ended when middleware has sent only the headers", async () => {
    const flushing = (_req: unknown, res: ServerResponse, proceed: () => void) => {
      res.flushHeaders();
      proceed();
    };
    const callback = telesignCallback();
    const message = next(callback, "message");
    await request(express().use(flushing, callback)).post("/").send(documented).expect(200);
    expect((await message)[0]).toEqual(documented);
  });

  it("includes headers that other middleware sets in end()", async () => {
    const timing = (_req: unknown, res: ServerResponse, proceed: () => void) => {
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      res.end = ((text: string) => {
        res.setHeader("X-Response-Time", "1ms");
        return end(text);
      }) as typeof res.end;
      proceed();
    };
    await request(express().use(timing, telesignCallback()))
      .post("/")
      .send(fresh())
      .expect(200)
      .expect("X-Response-Time", "1ms")
      .expect("Content-Type", "application/json");
  });

  it("is left to the app's error handler when other middleware makes setHeader() throw, and the message is still emitted", async () => {
    const forbidding = (_req: unknown, res: { setHeader: unknown }, proceed: () => void) => {
      res.setHeader = () => {
        throw new Error("no more headers");
      };
      proceed();
    };
    const passedOn = (error: Error, _req: unknown, res: ServerResponse, _next: unknown) => {
      res.writeHead(503).end(error.message);
    };
    const callback = telesignCallback();
    const message = next(callback, "message");
    const app = express().use(forbidding, callback, passedOn);
    await request(app).post("/").send(documented).expect(503, "no more headers");
    expect((await message)[0]).toEqual(documented);
  });

  it("has no headers for caching or content negotiation", async () => {
    const { headers } = await request(express().use(telesignCallback())).post("/").send(fresh());
    expect(Object.keys(headers).sort()).toEqual([
      "connection",
      "content-length",
      "content-type",
      "date",
      "x-powered-by",
    ]);
  });

  it("keeps the connection open for the next delivery, even if a listener throws", async () => {
    const callback = telesignCallback({
      onMessage: () => {
        throw new Error("listener");
      },
    });
    callback.on("error", () => {});
    const app = express().use(callback);
    const { headers } = await request(app)
      .post("/")
      .set("Connection", "keep-alive")
      .send(fresh())
      .expect(200);
    expect(headers.connection).toBe("keep-alive");
  });
});

describe.each(expressVersions)(
  "requests that arrive together, in an %s app,",
  (_, { express, telesignCallback }) => {
    /** Sends requests in one packet, the last of which closes the connection. */
    const sendTogether = async (app: RequestListener, ...requests: [string, string[]?][]) => {
      const { port } = await listen(app);
      const bytes = requests.map(([body, headers], index) =>
        post("/", body, headers, index === requests.length - 1 ? "close" : "keep-alive"),
      );
      return exchange(port, Buffer.concat(bytes));
    };

    it("keep their AsyncLocalStorage contexts apart, even in one packet", async () => {
      const store = new AsyncLocalStorage<string>();
      const seen: string[] = [];
      const callback = telesignCallback({ allowFrom: ["127.0.0.1"] });
      const mark = (what: string) => seen.push(`${what} ${store.getStore()}`);
      callback.onMessage(() => mark("message"));
      callback.on("duplicate", () => mark("duplicate"));
      callback.on("rejected", () => mark("rejected"));
      const identify = (req: IncomingMessage, res: ServerResponse, proceed: () => void) => {
        const end = res.end.bind(res) as (text: string) => ServerResponse;
        res.end = ((text: string) => (mark("end"), end(text))) as typeof res.end;
        store.run(String(req.headers["x-id"]), proceed);
      };
      await sendTogether(
        express().use(identify, callback),
        [JSON.stringify(documented), ["X-Id: a"]],
        ["{}", ["X-Id: b"]],
        [JSON.stringify(documented), ["X-Id: c"]],
        [JSON.stringify(fresh()), ["X-Id: d"]],
      );
      await callback.close();
      expect(seen.filter((what) => what.startsWith("end"))).toEqual([
        "end a",
        "end b",
        "end c",
        "end d",
      ]);
      expect(seen.filter((what) => !what.startsWith("end")).sort()).toEqual([
        "duplicate c",
        "message a",
        "message d",
        "rejected b",
      ]);
    });

    it("keep their AsyncLocalStorage contexts apart when one's message waits for another's answer", async () => {
      const store = new AsyncLocalStorage<string>();
      const callback = telesignCallback();
      const seen: unknown[] = [];
      const both = new Promise<void>((resolve) => {
        callback.onMessage((message) => {
          if (seen.push([message.mo_message, store.getStore()]) === 2) resolve();
        });
      });
      let release = () => {};
      const holdFirst = (req: IncomingMessage, res: ServerResponse, proceed: () => void) => {
        const id = String(req.headers["x-id"]);
        if (id === "first") {
          const end = res.end.bind(res) as (text: string) => ServerResponse;
          res.end = ((text: string) => ((release = () => end(text)), res)) as typeof res.end;
        }
        store.run(id, proceed);
      };
      const { port } = await listen(express().use(holdFirst, callback));
      const send = (id: string) =>
        exchange(port, post("/", JSON.stringify(fresh({ mo_message: id })), [`X-Id: ${id}`]));
      const first = send("first");
      await Promise.race([first, send("second")]);
      release();
      await Promise.all([first, both]);
      expect(seen).toEqual([
        ["first", "first"],
        ["second", "second"],
      ]);
    });

    it("do not affect each other when one cannot be answered", async () => {
      const callback = telesignCallback();
      const heard = new Promise<void>((resolve) => {
        let count = 0;
        callback.onMessage(() => {
          count += 1;
          if (count === 2) resolve();
        });
      });
      const breakOne = (req: IncomingMessage, res: ServerResponse) => {
        if (req.headers["x-bad"])
          res.setHeader = () => {
            throw new Error("no more headers");
          };
        callback(req, res, () => res.socket?.destroy());
      };
      const { port } = await listen(breakOne);
      const good = exchange(port, post("/", JSON.stringify(fresh())));
      await exchange(port, post("/", JSON.stringify(fresh()), ["X-Bad: 1"]));
      expect(await good).toMatch(/^HTTP\/1.1 200 /);
      await heard;
    });
  },
);

describe("a listener that fails while a retry of its message is being answered", () => {
  it("is reported in the first request's async context", async () => {
    const store = new AsyncLocalStorage<string>();
    const retry = new EventEmitter();
    const isHeld = once(retry, "held");
    const callback = telesignCallback({
      onMessage: () => isHeld.then(() => Promise.reject(new Error("mine"))),
    });
    const reported = new Promise((resolve) => {
      callback.on("error", () => resolve(store.getStore()));
    });
    const { port } = await listen((req, res) => {
      const id = String(req.headers["x-id"]);
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      if (id === "retry") {
        res.end = ((text: string) => {
          retry.once("released", () => end(text));
          retry.emit("held");
          return res;
        }) as typeof res.end;
      }
      store.run(id, () => callback(req, res, () => res.end()));
    });
    const body = JSON.stringify(fresh());
    await exchange(port, post("/", body, ["X-Id: first"]));
    const answered = exchange(port, post("/", body, ["X-Id: retry"]));
    await isHeld;
    // By then the listener has failed, and its report waits for the retry's answer.
    await new Promise((resolve) => setImmediate(resolve));
    retry.emit("released");
    expect(await reported).toBe("first");
    await answered;
  });
});

describe("a retry that is answered before the first delivery", () => {
  it("is emitted as a duplicate in its own async context", async () => {
    const store = new AsyncLocalStorage<string>();
    const callback = telesignCallback();
    const told = new Promise((resolve) => {
      callback.on("duplicate", () => resolve(store.getStore()));
    });
    let release = () => {};
    const { port } = await listen((req, res) => {
      const id = String(req.headers["x-id"]);
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      if (id === "first") {
        res.end = ((text: string) => ((release = () => end(text)), res)) as typeof res.end;
      }
      store.run(id, () => callback(req, res, () => res.end()));
    });
    const body = JSON.stringify(fresh());
    const first = exchange(port, post("/", body, ["X-Id: first"]));
    await Promise.race([first, exchange(port, post("/", body, ["X-Id: retry"]))]);
    release();
    expect(await told).toBe("retry");
    await first;
  });
});

describe("a retry whose answer is held back", () => {
  it("does not hold back the message", async () => {
    const callback = telesignCallback();
    const held: (() => void)[] = [];
    const { port } = await listen((req, res) => {
      const end = res.end.bind(res) as (text: string) => ServerResponse;
      res.end = ((text: string) => (held.push(() => end(text)), res)) as typeof res.end;
      callback(req, res, () => res.end());
    });
    const message = next(callback, "message");
    const duplicate = jest.fn();
    callback.on("duplicate", duplicate);
    const first = exchange(port, post("/", JSON.stringify(documented)));
    const whenHeld = async (count: number) => {
      while (held.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await whenHeld(1);
    const retry = exchange(port, post("/", JSON.stringify(documented)));
    await whenHeld(2);
    held[0]!();
    expect(await first).toMatch(/accepted/);
    expect((await message)[0]).toEqual(documented);
    expect(duplicate).not.toHaveBeenCalled();
    held[1]!();
    expect(await retry).toMatch(/duplicate/);
  }, 2_000);
});

describe("an answer", () => {
  const refused =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}";

  it("that cannot leave because it follows a refusal in a pipeline does not hold back other messages", async () => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const pipelined = next(callback, "message");
    expect(await exchange(port, refused, post("/", JSON.stringify(fresh())))).toMatch(/ 415 /);
    await pipelined;
    const message = next(callback, "message");
    await exchange(port, post("/", JSON.stringify(documented)));
    expect((await message)[0]).toEqual(documented);
    // Well below the 4 s that a listener waits for an answer that may still leave.
  }, 2_000);

  it("that cannot leave because the client has hung up does not hold back its message", async () => {
    let decide: (outcome: Outcome) => void = () => {};
    const accept = () => new Promise<Outcome>((resolve) => (decide = resolve));
    let handOver: HandOver | undefined;
    const consume = (consumer: HandOver) => ((handOver = consumer), () => Promise.resolve());
    const callback = telesignCallback({ inbox: { ...rest, accept, consume } });
    const message = next(callback, "message");
    const { server, port } = await listen((req, res) => callback(req, res, () => res.end()));
    const arrived = once(server, "request");
    const socket = connect(port, "127.0.0.1");
    socket.write(post("/", JSON.stringify(documented)));
    const [req] = (await arrived) as [IncomingMessage];
    const gone = once(req.socket, "close");
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await gone;
    decide("accepted");
    void handOver!(documented, { receivedAt: new Date(), submittedAt: undefined, attempt: 1 });
    expect((await message)[0]).toEqual(documented);
  }, 2_000);

  /** Gives the middleware a request and a response as a serverless host simulates them. */
  const give = (callback: TelesignCallback, socket: unknown, end: (res: EventEmitter) => void) => {
    const res = Object.assign(new EventEmitter(), {
      writableFinished: false,
      setHeader() {},
      end: () => end(res),
    });
    const rawBody = Buffer.from(JSON.stringify(documented));
    const req = { method: "POST", url: "/", headers: {}, rawBody, socket };
    (callback as unknown as (...args: unknown[]) => void)(req, res, () => {});
  };

  it("to a simulated request holds back its message until the response emits finish", async () => {
    const callback = telesignCallback();
    const order: string[] = [];
    callback.onMessage(() => order.push("message"));
    const message = next(callback, "message");
    give(callback, undefined, (res) =>
      setImmediate(() => {
        order.push("finished");
        res.emit("finish");
      }),
    );
    await message;
    expect(order).toEqual(["finished", "message"]);
  });

  it("to a request with a simulated connection counts as sent when the response emits finish within end()", async () => {
    const callback = telesignCallback();
    const message = next(callback, "message");
    give(callback, { remoteAddress: "192.0.2.7" }, (res) => void res.emit("finish"));
    expect((await message)[0]).toEqual(documented);
    // Well below the 4 s that a listener waits for an answer that may still leave.
  }, 2_000);

  it("starts listeners once when the response emits close and then end() throws", async () => {
    const callback = telesignCallback();
    const res = Object.assign(new EventEmitter(), {
      setHeader() {},
      end() {
        res.emit("close");
        throw new Error("the host's own");
      },
    });
    const onMessage = jest.fn();
    callback.onMessage(onMessage);
    const rawBody = Buffer.from(JSON.stringify(documented));
    const req = { method: "POST", url: "/", headers: {}, rawBody };
    await new Promise((resolve) => {
      (callback as unknown as (...args: unknown[]) => void)(req, res, resolve);
    });
    await callback.close();
    expect(onMessage).toHaveBeenCalledTimes(1);
  });

  it("through a simulated response without events causes an error, which is passed to the host", async () => {
    const callback = telesignCallback();
    const res = { writableFinished: false, setHeader() {}, end() {} };
    const rawBody = Buffer.from(JSON.stringify(documented));
    const req = { method: "POST", url: "/", headers: {}, rawBody };
    const passedOn = new Promise((resolve) => {
      (callback as unknown as (...args: unknown[]) => void)(req, res, resolve);
    });
    expect(await passedOn).toBeInstanceOf(TypeError);
    await callback.close();
  });

  it("that cannot leave because its connection has already closed does not hold back its message", async () => {
    const callback = telesignCallback();
    const message = next(callback, "message");
    give(callback, Object.assign(new EventEmitter(), { closed: true }), () => {});
    await message;
  }, 2_000);
});

describe("a listener that blocks the event loop", () => {
  it.each([
    ["in Express 5", "express"],
    ["in Express 4", "express4"],
    ["ahead of an app", "ahead"],
    ["behind compression that buffers", "express", "compression"],
    ["when an inbox hangs and the listener runs at once", "ahead", "hanging inbox"],
    ["when it listens to errors, behind compression", "express", "compression", "error"],
  ])("does not delay the answer on the wire, %s", async (_name, ...args) => {
    const program = join(__dirname, "fixtures/blocking-listener.js");
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
    expect(stdout).toBe("answered\n");
  });
});
