import { createHmac } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";

import request from "supertest";
import { telesignCallback, type CallbackOptions, type TelesignCallback } from "telesign-callback";

import { next } from "./support/events.js";
import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { deadlines, fakeDeadlines } from "./support/timers.js";
import { dial, exchange, listen, post, received } from "./support/wire.js";

jest.mock("node:timers", () =>
  jest
    .requireActual<typeof import("./support/timers.js")>("./support/timers.js")
    .followGlobalTimers(),
);

// Without an error listener, each error is a line on stderr, which these specs do not look at.
beforeEach(() => void jest.spyOn(console, "error").mockReturnValue());
afterEach(() => jest.useRealTimers());

type Request = IncomingMessage & { rawBody?: unknown; body?: unknown };
type Next = () => void;

const invalid = (errors: unknown[] = []) => ({
  type: "about:blank",
  title: expect.any(String),
  status: 400,
  errors,
});

describe.each(expressVersions)("a body, in an %s app,", (_, { express, telesignCallback }) => {
  const send = (options: CallbackOptions, body: string | Buffer, type = "application/json") =>
    request(express().use(telesignCallback(options)))
      .post("/")
      .type(type)
      .send(body);

  it.each([
    ["malformed", '{"mo_message":'],
    ["truncated", JSON.stringify(documented).slice(0, -1)],
    ["empty", ""],
    ["a word", "undefined"],
    ["nested 30,000 levels deep, unfinished", "[".repeat(30_000)],
    ["nested 30,000 levels deep", "[".repeat(30_000) + "]".repeat(30_000)],
    ["an array", JSON.stringify([documented])],
    ["a number", "7"],
    ["a string", '"text"'],
    ["null", "null"],
    [
      "not UTF-8",
      Buffer.concat([Buffer.from('{"mo_message":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    ],
    ["in UTF-16", Buffer.from(JSON.stringify(documented), "utf16le")],
    [
      "an object with the key __proto__",
      JSON.stringify(documented).replace("{", '{"__proto__":{"a":1},'),
    ],
    [
      "an object with the key __proto__ in escapes",
      JSON.stringify(documented).replace("{", '{"\\u005f_proto__":1,'),
    ],
    [
      "an object with the key __proto__ deep inside",
      JSON.stringify({ ...documented, a: [{ b: 0 }] }).replace('"b"', '"__proto__"'),
    ],
    [
      "an object with constructor.prototype",
      JSON.stringify({ ...documented, constructor: { prototype: 1 } }),
    ],
  ])("that is %s gets a 400 that names no field", async (_name, body) => {
    const { port } = await listen(express().use(telesignCallback()));
    const answer = await exchange(port, post("/", body));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(answer.split("\r\n\r\n")[1]!)).toEqual(invalid());
  });

  it.each([
    ["the word constructor as a key", { ...fresh(), constructor: "Bob" }],
    [
      "__proto__ and constructor.prototype in a text",
      fresh({ mo_message: '"__proto__": constructor.prototype' }),
    ],
    [
      "properties nested 5,000 levels deep",
      { ...fresh(), extra: JSON.parse('{"a":'.repeat(5_000) + "1" + "}".repeat(5_000)) as unknown },
    ],
  ])("with %s is accepted", async (_name, body) => {
    const text =
      "extra" in body
        ? JSON.stringify({ ...body, extra: 0 }).replace(
            '"extra":0',
            `"extra":${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`,
          )
        : JSON.stringify(body);
    await send({}, text).expect(200, { status: "accepted" });
  });

  it("with a byte order mark is accepted", async () => {
    await send({}, `\uFEFF${JSON.stringify(fresh())}`).expect(200, { status: "accepted" });
  });

  it("may repeat a key: the last value counts, as in JSON.parse", async () => {
    const onMessage = jest.fn();
    const text = JSON.stringify(fresh()).replace("{", '{"mo_message":"first",');
    await send({ onMessage }, text).expect(200);
    expect(onMessage).toHaveBeenCalledWith(
      expect.objectContaining({ mo_message: documented.mo_message }),
      expect.anything(),
    );
  });

  it.each([
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "image/png",
    "???",
  ])("is read as JSON when its Content-Type is %s", async (type) => {
    const { port } = await listen(express().use(telesignCallback()));
    const body = post("/", JSON.stringify(fresh())).toString().replace("application/json", type);
    expect(await exchange(port, body)).toMatch(/^HTTP\/1.1 200 /);
  });

  it.each(["Content-Length: 0", "Transfer-Encoding: chunked", "X-Neither: 1"])(
    "gets 400 when it is empty: %s",
    async (framing) => {
      const others = telesignCallback({ path: "/others" });
      const { port } = await listen(express().use(others, telesignCallback()));
      const end = framing.includes("chunked") ? "0\r\n\r\n" : "";
      const head = `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n\r\n`;
      expect(await exchange(port, head + end)).toMatch(/^HTTP\/1.1 400 [^]*not JSON/);
    },
  );

  it("has its message handed over in order of arrival, whatever its framing", async () => {
    const sent = [0, 1, 2, 3].map((number) => fresh({ mo_message: String(number) }));
    const texts: string[] = [];
    const callback = telesignCallback({ onMessage: ({ mo_message }) => texts.push(mo_message) });
    const { port } = await listen(express().use(callback));
    const requests = sent.map((notification, index) => {
      const body = JSON.stringify(notification);
      const last = index === sent.length - 1;
      if (index % 2 === 1) return post("/", body, [], last ? "close" : "keep-alive");
      const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      return Buffer.from(`${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    });
    await exchange(port, Buffer.concat(requests));
    await callback.close();
    expect(texts).toEqual(["0", "1", "2", "3"]);
  });

  it("is read whole, wherever its chunks are cut", async () => {
    const onMessage = jest.fn();
    const text = "Grüße 👋🏽";
    const { port } = await listen(express().use(telesignCallback({ onMessage })));
    const socket = await dial(port);
    const answer = received(socket);
    socket.write(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for (const byte of Buffer.from(JSON.stringify(fresh({ mo_message: text })))) {
      socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]));
    }
    socket.write("0\r\n\r\n");
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
    expect(onMessage).toHaveBeenCalledWith(
      expect.objectContaining({ mo_message: text }),
      expect.anything(),
    );
  });

  describe("measured against maxBodySize", () => {
    const limit = 1_000;
    const exact = (size: number) => {
      const base = JSON.stringify(fresh({ mo_message: "" }));
      return base.replace('"mo_message":""', `"mo_message":"${"x".repeat(size - base.length)}"`);
    };

    it("gets 200 at the limit, and 413 when it is one byte larger", async () => {
      await send({ maxBodySize: limit }, exact(limit)).expect(200);
      await send({ maxBodySize: limit }, exact(limit + 1)).expect(413);
    });

    it("is counted in bytes, not in characters", async () => {
      const text = exact(limit).replace("xx", "ü");
      await send({ maxBodySize: limit }, text).expect(200);
      await send({ maxBodySize: limit }, exact(limit).replace("x", "ü")).expect(413);
    });

    it("is accepted at the limit when it comes in pieces, chunked or with Content-Length", async () => {
      const { port } = await listen(express().use(telesignCallback({ maxBodySize: limit })));
      const sendInPieces = async (head: string, ...pieces: string[]) => {
        const socket = await dial(port);
        const answer = received(socket);
        socket.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${head}\r\n\r\n`);
        for (const piece of pieces) {
          await new Promise((resolve) => setImmediate(resolve));
          socket.write(piece);
        }
        return answer;
      };
      const text = exact(limit);
      const half = limit / 2;
      const [start, rest] = [text.slice(0, half), text.slice(half)];
      expect(await sendInPieces(`Content-Length: ${limit}`, start, rest)).toMatch(
        /^HTTP\/1.1 200 /,
      );
      const [again, size] = [exact(limit), half.toString(16)];
      expect(
        await sendInPieces(
          "Transfer-Encoding: chunked",
          `${size}\r\n${again.slice(0, half)}\r\n`,
          `${size}\r\n${again.slice(half)}\r\n0\r\n\r\n`,
        ),
      ).toMatch(/^HTTP\/1.1 200 /);
    });

    it("is refused before it arrives if Content-Length is over the limit", async () => {
      const { port } = await listen(express().use(telesignCallback({ maxBodySize: limit })));
      const socket = await dial(port);
      const answered = once(socket, "data");
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${limit + 1}\r\n\r\n`);
      expect(String(await answered)).toMatch(/^HTTP\/1.1 413 /);
      socket.destroy();
    });

    it("is refused over the limit when express.raw() left it in body", async () => {
      const app = express().use(
        express.raw({ type: "application/json" }),
        telesignCallback({ maxBodySize: limit }),
      );
      await request(app).post("/").type("json").send(exact(limit)).expect(200);
      await request(app)
        .post("/")
        .type("json")
        .send(exact(limit + 1))
        .expect(413);
    });

    it("is refused over the limit when a host left it in rawBody", async () => {
      const host = (req: Request, _res: unknown, next: Next) => {
        req.rawBody = Buffer.from(exact(limit + 1));
        next();
      };
      const app = express().use(host, telesignCallback({ maxBodySize: limit }));
      await request(app).post("/").send("{}").expect(413);
    });

    it("is refused over the limit when the app's request prototype provides it as rawBody", async () => {
      const app = express().use(express.json(), telesignCallback({ maxBodySize: limit }));
      const rawBody = Buffer.from(exact(limit + 1));
      Object.assign((app as unknown as { request: object }).request, { rawBody });
      await request(app).post("/").send({}).expect(413);
    });

    it("is accepted above the limit when express.json() has parsed it", async () => {
      const app = express().use(express.json(), telesignCallback({ maxBodySize: limit }));
      await request(app)
        .post("/")
        .send(fresh({ mo_message: "x".repeat(limit) }))
        .expect(200);
    });
  });

  describe("in a Content-Encoding", () => {
    const text = JSON.stringify(documented);
    it.each([
      ["gzip", gzipSync(text)],
      ["deflate", deflateSync(text)],
      ["br", brotliCompressSync(text)],
      ["gzip, gzip", gzipSync(gzipSync(text))],
      ["compress", Buffer.from(text)],
      ["identity, gzip", gzipSync(text)],
    ])("of %s gets 415 unread", async (encoding, body) => {
      const { port } = await listen(express().use(telesignCallback()));
      const answer = await exchange(port, post("/", body, [`Content-Encoding: ${encoding}`]));
      expect(answer).toMatch(/^HTTP\/1.1 415 [^]*connection: close[^]*accept-encoding: identity/i);
    });

    it.each(["Identity", "", " "])("of %j is accepted", async (encoding) => {
      const { port } = await listen(express().use(telesignCallback()));
      const headers = [`Content-Encoding: ${encoding}`];
      const answer = await exchange(port, post("/", JSON.stringify(fresh()), headers));
      expect(answer).toMatch(/^HTTP\/1.1 200 /);
    });
  });

  describe("that earlier middleware has touched", () => {
    it.each([
      ["express.json() parsed it", "json", "application/json"],
      ["express.raw() kept it as bytes", "raw", "application/octet-stream"],
    ] as const)("is used when %s", async (_name, parser, type) => {
      const app = express().use(express[parser](), telesignCallback());
      await request(app)
        .post("/")
        .type(type)
        .send(JSON.stringify(documented))
        .expect(200, { status: "accepted" });
      await request(app)
        .post("/")
        .type(type)
        .send(JSON.stringify(documented))
        .expect(200, { status: "duplicate" });
    });

    it("undergoes the same checks as any other when express.json() has parsed it", async () => {
      const app = express().use(express.json(), telesignCallback());
      await request(app)
        .post("/")
        .send({ ...documented, mo_message: 5 })
        .expect(400, {
          type: "about:blank",
          title: "Not a valid notification",
          status: 400,
          errors: [{ field: "mo_message", rule: "string.base" }],
        });
      await request(app).post("/").send([documented]).expect(400);
      await request(app).post("/").send("{}").type("json").expect(400);
      await request(app)
        .post("/")
        .type("json")
        .send(JSON.stringify(documented).replace("{", '{"__proto__":{},'))
        .expect(400);
    });

    it("is neither frozen nor changed in the app's req.body", async () => {
      let body: unknown;
      const look = (req: Request, _res: unknown, next: Next) => {
        body = req.body;
        next();
      };
      const app = express().use(express.json(), look, telesignCallback());
      await request(app).post("/").send(documented).expect(200);
      expect(body).toEqual(documented);
      expect(Object.isFrozen(body)).toBe(false);
    });

    it("is taken from rawBody rather than from what was parsed", async () => {
      const keep = {
        verify: (req: Request, _res: unknown, bytes: Buffer) => (req.rawBody = bytes),
      };
      const onRejected = jest.fn();
      const callback = telesignCallback();
      callback.on("rejected", onRejected);
      const app = express().use(express.json(keep), callback);
      await request(app).post("/").send({ a: 1 }).expect(400);
      expect(onRejected.mock.calls[0][0].body).toEqual(Buffer.from('{"a":1}'));
    });

    const spend = (req: Request, _res: unknown, proceed: Next) => {
      req.resume().on("end", () => setImmediate(proceed));
    };
    const set =
      (name: "rawBody" | "body", value: unknown) =>
      (req: Request, _res: unknown, proceed: Next) => {
        req[name] = value;
        proceed();
      };
    const throwing = (name: "rawBody" | "body") => (req: Request, _res: unknown, proceed: Next) => {
      Object.defineProperty(req, name, {
        get() {
          throw new Error("the host's own");
        },
      });
      proceed();
    };
    // A view of a larger ArrayBuffer, of which only this part is the body.
    const bytesOf = (text: string) => {
      const bytes = new Uint8Array(Buffer.byteLength(text) + 9);
      bytes.set(Buffer.from(text), 5);
      return bytes.subarray(5, -4);
    };
    const forms: [string, (text: string) => unknown][] = [
      ["a Buffer", (text) => Buffer.from(text)],
      ["a Uint8Array", bytesOf],
      ["a text", (text) => text],
    ];
    const places = (["rawBody", "body"] as const).flatMap((place) =>
      forms.map(([name, form]) => [name, place, form] as const),
    );

    it.each(places)("is used when a host left %s in %s", async (_name, place, form) => {
      const callback = telesignCallback();
      const message = next(callback, "message");
      const sent = fresh({ mo_message: "Grüße 👋🏽" });
      const app = express().use(spend, set(place, form(JSON.stringify(sent))), callback);
      await request(app).post("/").send("{}").expect(200);
      expect((await message)[0]).toEqual(sent);
    });

    it.each(places)(
      "is verified when a host left %s in %s, and refused when it was altered",
      async (_name, place, form) => {
        const key = "c2VjcmV0";
        const text = JSON.stringify(fresh({ mo_message: "Grüße 👋🏽" }));
        const hmac = createHmac("sha256", Buffer.from(key, "base64"));
        const signature = hmac.update(text).digest("base64");
        const answerTo = (left: string) => {
          const callback = telesignCallback({ apiKey: key });
          const app = express().use(spend, set(place, form(left)), callback);
          return request(app).post("/").set("X-TS-Authorization", signature).send("{}");
        };
        await answerTo(text).expect(200);
        await answerTo(`${text} `).expect(401);
      },
    );

    it.each(places)("is limited by maxBodySize when it is %s in %s", async (_name, place, form) => {
      const text = JSON.stringify(fresh({ mo_message: "ü" }));
      const size = Buffer.byteLength(text);
      for (const [maxBodySize, status] of [
        [size, 200],
        [size - 1, 413],
      ] as const) {
        const callback = telesignCallback({ maxBodySize });
        const app = express().use(spend, set(place, form(text)), callback);
        await request(app).post("/").send("{}").expect(status);
      }
    });

    it("is taken from rawBody rather than from a stream that nobody has read", async () => {
      const callback = telesignCallback();
      const message = next(callback, "message");
      const sent = fresh();
      const app = express().use(set("rawBody", JSON.stringify(sent)), callback);
      await request(app).post("/").send(fresh()).expect(200);
      expect((await message)[0]).toEqual(sent);
    });

    it("is taken from a stream that nobody has read rather than from body", async () => {
      const callback = telesignCallback();
      const message = next(callback, "message");
      const sent = fresh();
      const app = express().use(set("body", fresh()), callback);
      await request(app).post("/").send(sent).expect(200);
      expect((await message)[0]).toEqual(sent);
    });

    it.each(["rawBody", "body"] as const)(
      "is read from the stream when the getter of %s throws",
      async (name) => {
        const app = express().use(throwing(name), telesignCallback());
        await request(app).post("/").send(fresh()).expect(200);
      },
    );

    it("is taken from body when the getter of rawBody throws", async () => {
      const app = express().use(express.json(), throwing("rawBody"), telesignCallback());
      await request(app).post("/").send(fresh()).expect(200);
    });

    it("counts as empty, not as consumed, when it ended without any bytes", async () => {
      const { port } = await listen(express().use(spend, telesignCallback()));
      expect(await exchange(port, post("/", ""))).toMatch(/^HTTP\/1.1 400 [^]*not JSON/);
    });

    it("is read when that middleware has only paused it", async () => {
      const pause = (req: Request, _res: unknown, next: Next) => {
        req.pause();
        setImmediate(next);
      };
      const app = express().use(pause, telesignCallback());
      await request(app).post("/").send(fresh()).expect(200);
    });

    it.each([
      ["at once", (proceed: () => void) => proceed()],
      ["later, after pausing it", setImmediate],
    ])("is read although other middleware listens to it and continues %s", async (how, go) => {
      const heard = jest.fn();
      const log = (req: Request, _res: unknown, proceed: Next) => {
        req.on("data", heard);
        if (how !== "at once") req.pause();
        go(proceed);
      };
      const app = express().use(log, telesignCallback());
      const sent = JSON.stringify(fresh());
      await request(app).post("/").type("json").send(sent).expect(200);
      expect(heard).toHaveBeenCalledWith(Buffer.from(sent));
    });

    it("is read completely when middleware resumes it right before the callback", async () => {
      const onMessage = jest.fn();
      const callback = telesignCallback({ onMessage });
      const arrived = new EventEmitter();
      const waiting = (req: Request, _res: unknown, proceed: Next) => {
        req.pause();
        arrived.once("all", () => {
          req.resume();
          proceed();
        });
        req.socket.on("data", () => req.complete && setImmediate(() => arrived.emit("all")));
      };
      const { server, port } = await listen(express().use(waiting, callback));
      const connected = once(server, "connection") as Promise<[Socket]>;
      const socket = await dial(port);
      const answer = received(socket);
      const [connection] = await connected;
      const bytes = post("/", JSON.stringify(fresh()));
      const began = once(connection, "data");
      socket.write(bytes.subarray(0, -50));
      await began;
      socket.write(bytes.subarray(-50));
      expect(await answer).toMatch(/^HTTP\/1.1 200 /);
    });

    it("also reaches middleware that starts to listen after the callback", async () => {
      const heard = jest.fn();
      const late = (req: Request, _res: unknown, proceed: Next) => {
        proceed();
        req.on("data", heard);
      };
      const sent = JSON.stringify(fresh());
      await request(express().use(late, telesignCallback()))
        .post("/")
        .type("json")
        .send(sent)
        .expect(200);
      expect(heard).toHaveBeenCalledWith(Buffer.from(sent));
    });

    it("may be an object that other middleware has made cyclic", async () => {
      const circle = (req: Request, _res: unknown, next: Next) => {
        Object.assign(req.body as object, { itself: { body: req.body } });
        next();
      };
      const app = express().use(express.json(), circle, telesignCallback());
      await request(app).post("/").send(fresh()).expect(200);
    });

    it("is read when a parser did not match its Content-Type", async () => {
      const app = express().use(express.json(), telesignCallback());
      await request(app).post("/").type("text/plain").send(JSON.stringify(fresh())).expect(200);
    });

    it.each([
      ["drained the stream", [spend]],
      ["drained the stream and left a body that throws", [spend, throwing("body")]],
      ["drained the stream and left a number", [spend, set("body", 5)]],
      ["drained the stream ahead of a parser", [spend, express.json({ type: "text/html" })]],
      [
        "drained the stream and set body to null",
        [spend, (req: Request, _res: unknown, next: Next) => ((req.body = null), next())],
      ],
      [
        "left the stream as text",
        [(req: Request, _res: unknown, next: Next) => (req.setEncoding("utf8"), next())],
      ],
    ])(
      "gets 500, and an error that says how to mount the callback, when that middleware %s",
      async (_name, middleware) => {
        const callback = telesignCallback();
        const reported = next(callback, "error");
        const rejected = next(callback, "rejected");
        const app = express().use(...middleware, callback);
        await request(app).post("/").send(documented).expect(500);
        const [error] = await reported;
        expect(error).toMatchObject({ code: "ERR_BODY_CONSUMED", notification: undefined });
        expect(error.message).toMatch(/mount telesignCallback before express.json\(\)/);
        expect((await rejected)[0]).toMatchObject({ status: 500, body: undefined });
      },
    );

    it("gets 500 when a parser that is not strict has made a number of it", async () => {
      const app = express().use(express.json({ strict: false }), telesignCallback());
      await request(app).post("/").type("json").send("5").expect(500);
    });

    it("gets 500 when that middleware has read a part of it, and the rest is not parsed", async () => {
      const nibble = (req: Request, _res: unknown, proceed: Next) => {
        // By then the whole body has arrived.
        setImmediate(() => {
          req.read(1);
          proceed();
        });
      };
      const { port } = await listen(express().use(nibble, telesignCallback()));
      const body = ` ${JSON.stringify(fresh())}`;
      const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      expect(await exchange(port, head + chunk)).toMatch(/^HTTP\/1.1 500 /);
    });

    it("gets 500 once when that middleware has left it as text, in several pieces", async () => {
      const callback = telesignCallback();
      const rejected = jest.fn();
      callback.on("rejected", rejected);
      const decode = (req: Request, _res: unknown, next: Next) => (req.setEncoding("utf8"), next());
      const { port } = await listen(express().use(decode, callback));
      const socket = await dial(port);
      const answer = received(socket);
      socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
      socket.write("1\r\n}\r\n0\r\n\r\n");
      expect(await answer).toMatch(/^HTTP\/1.1 500 /);
      await callback.close();
      expect(rejected).toHaveBeenCalledTimes(1);
    });

    it("gets 500 when a signature is required and only the parsed object is left", async () => {
      const callback = telesignCallback({ apiKey: "c2VjcmV0" });
      const reported = next(callback, "error");
      const app = express().use(express.json(), callback);
      await request(app).post("/").send(documented).expect(500);
      expect((await reported)[0].code).toBe("ERR_BODY_CONSUMED");
    });
  });
});

/** Resolves when the callback has looked at a request that it was just given. */
const taken = () => new Promise((resolve) => setImmediate(resolve));

describe("a client that hangs up", () => {
  async function serve(options: CallbackOptions = {}) {
    const callback = telesignCallback(options);
    const rejected = jest.fn();
    callback.on("rejected", rejected);
    const { server, port } = await listen((req, res) => callback(req, res, () => res.end()));
    return { callback, rejected, server, port };
  }
  const answered = (server: Server) =>
    new Promise<IncomingMessage>((resolve) =>
      server.once("request", (req) => req.once("close", () => resolve(req))),
    );

  it.each(["destroy", "end"] as const)(
    "in the middle of the body (%s) causes no rejected event",
    async (how) => {
      const { callback, rejected, server, port } = await serve();
      const gone = answered(server);
      const socket = await dial(port);
      const request = once(server, "request");
      socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{");
      await request;
      socket[how]();
      await gone;
      await callback.close();
      expect(rejected).not.toHaveBeenCalled();
    },
  );

  it.each([
    ["slow", () => {}],
    ["slow and pausing", (req: IncomingMessage) => req.pause()],
  ])("while earlier, %s middleware is busy causes no rejected event", async (_name, touch) => {
    const { callback, rejected } = await serve();
    let proceed = () => {};
    const { server, port } = await listen((req, res) => {
      touch(req);
      proceed = () => callback(req, res, () => res.end());
    });
    const gone = answered(server);
    const request = once(server, "request");
    const socket = await dial(port);
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{");
    await request;
    socket.destroy();
    await gone;
    proceed();
    await taken();
    await callback.close();
    expect(rejected).not.toHaveBeenCalled();
  });

  it("after the whole body, while earlier middleware is busy, loses no message", async () => {
    const { callback, rejected } = await serve();
    const message = next(callback, "message");
    let proceed = () => {};
    const { server, port } = await listen((req, res) => {
      proceed = () => callback(req, res, () => res.end());
    });
    const left = new Promise((resolve) =>
      server.once("request", (_req, res) => res.once("close", resolve)),
    );
    const arrives = once(server, "request");
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(documented)));
    await arrives;
    socket.destroy();
    await left;
    proceed();
    expect((await message)[0]).toEqual(documented);
    expect(rejected).not.toHaveBeenCalled();
  });

  it("right after the body loses no message", async () => {
    const { callback, port } = await serve();
    const message = next(callback, "message");
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(documented)), () => socket.destroy());
    expect((await message)[0]).toEqual(documented);
  });

  it("while the inbox is accepting loses no message", async () => {
    let decide: (outcome: "accepted") => void = () => {};
    const asked = jest.fn();
    const { callback, server, port } = await serve({
      inbox: {
        accept: (message) => {
          asked(message);
          socket.destroy();
          return new Promise<"accepted">((resolve) => (decide = resolve));
        },
        consume: () => () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
    });
    const left = new Promise((resolve) =>
      server.once("request", (_req, res) => res.once("close", resolve)),
    );
    const socket = await dial(port);
    socket.write(post("/", JSON.stringify(documented)));
    await left;
    decide("accepted");
    await callback.close();
    expect(asked.mock.calls).toEqual([[documented]]);
  });
});

describe("a simulated request of a serverless host", () => {
  it("that fails halfway gets no answer", async () => {
    const callback = telesignCallback();
    const body = new Readable({ read() {} });
    const req = Object.assign(body, { method: "POST", url: "/", headers: {}, complete: false });
    const res = new ServerResponse(req as unknown as IncomingMessage);
    callback(req as unknown as IncomingMessage, res, () => {});
    body.push("{");
    await once(body, "data");
    // Not events.once, which would handle the error.
    const closed = new Promise((resolve) => body.on("close", resolve));
    body.destroy(new Error("the host lost it"));
    await closed;
    await callback.close();
    expect(res.headersSent).toBe(false);
  });

  /** Gives the middleware a request each read of which returns one piece, as in Node 26. */
  const giveInPieces = (callback: TelesignCallback, pieces: readonly string[]) => {
    const body = new Readable({ objectMode: true, read() {} });
    for (const piece of pieces) body.push(Buffer.from(piece));
    body.push(null);
    const made = Object.assign(body, { method: "POST", url: "/", headers: {}, complete: true });
    const req = made as unknown as IncomingMessage;
    fakeDeadlines();
    callback(req, new ServerResponse(req), () => {});
  };
  /** The response has no connection, so the callback stops waiting for it after 4 s. */
  const answerIsGivenUp = async () => {
    await deadlines();
    await jest.advanceTimersByTimeAsync(4_000);
  };

  it("is read to its end when each read gives one piece of it", async () => {
    const callback = telesignCallback();
    const message = next(callback, "message");
    const text = JSON.stringify(documented);
    giveInPieces(callback, [text.slice(0, 9), text.slice(9)]);
    await answerIsGivenUp();
    expect((await message)[0]).toEqual(documented);
    await callback.close();
  });

  it("is refused when its pieces add up to more than maxBodySize", async () => {
    const callback = telesignCallback({ maxBodySize: 10 });
    const rejected = next(callback, "rejected");
    giveInPieces(callback, ["123456789", "123456789"]);
    await answerIsGivenUp();
    expect((await rejected)[0].status).toBe(413);
    await callback.close();
  });
});

describe("headers that the callback does not use", () => {
  it.each([
    ["as long as Node allows", [`X-Long: ${"x".repeat(15_000)}`]],
    ["repeated", Array.from({ length: 50 }, (_, index) => `X-Same: ${index}`)],
    ["in bytes above ASCII", ["X-Bytes: \u00ff\u00fe\u0080"]],
    [
      "of forwarding",
      ["X-Forwarded-For: <script>", "X-Forwarded-Host: \u00ff", "Forwarded: for=_"],
    ],
  ])("%s change nothing", async (_name, headers) => {
    const callback = telesignCallback();
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    expect(await exchange(port, post("/", JSON.stringify(fresh()), headers))).toMatch(
      /^HTTP\/1.1 200 /,
    );
  });

  it("never reach the callback if they are larger than Node allows", async () => {
    const callback = telesignCallback();
    const rejected = jest.fn();
    callback.on("rejected", rejected);
    const { server, port } = await listen((req, res) => callback(req, res, () => res.end()));
    expect((server.address() as AddressInfo).port).toBe(port);
    expect(await exchange(port, post("/", "{}", [`X-Long: ${"x".repeat(20_000)}`]))).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect(rejected).not.toHaveBeenCalled();
  });
});
