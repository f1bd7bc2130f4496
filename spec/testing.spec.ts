import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import timers from "node:timers/promises";
import { promisify } from "node:util";

import express from "express";
import {
  notificationSchema,
  telesignCallback,
  verifySignature,
  type TelesignCallback,
} from "telesign-callback";
import { deliver, notification, sign, type DeliverTarget } from "telesign-callback/testing";

import { documented } from "./support/notifications.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const customerId = "01234567-89AB-CDEF-0123-456789ABCDEF";

/** A receiver that answers with the given statuses in turn, and keeps what it was sent. */
function receiver(...statuses: number[]) {
  const received: { headers: IncomingMessage["headers"]; method: unknown; body: Buffer }[] = [];
  const listener: RequestListener = (req, res) => {
    void buffer(req).then((body) => {
      received.push({ headers: req.headers, method: req.method, body });
      res.writeHead(statuses.shift() ?? 200).end("answer");
    });
  };
  return { listener, received };
}

const aNumber: unknown = expect.any(Number);

/** The notification of the next such event. */
function eventOf(callback: TelesignCallback, event: "message" | "duplicate"): Promise<unknown> {
  return new Promise((resolve) => callback.on(event, (...[message]) => resolve(message)));
}

const PROGRAM = `
  const { deliver, notification } = require("./dist/testing/testing.js");
  const listener = (req, res) => res.end();
  deliver(listener, notification()).then(([{ status }]) => console.log(status));
`;

const servers: Server[] = [];

async function listening(server: Server, host = "127.0.0.1"): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

describe("notification", () => {
  it("makes a notification that the package accepts", () => {
    expect(notificationSchema.validate(notification()).error).toBeUndefined();
  });

  it("has a fresh reference each time, and the time of the call as TeleSign writes it", () => {
    const before = Date.now();
    const [one, other] = [notification(), notification()];
    expect(one.mo_reference_id).not.toBe(other.mo_reference_id);
    expect(one.mo_reference_id).toMatch(/^[0-9A-F]{32}$/);
    expect({ ...one, mo_reference_id: "", submit_timestamp: "" }).toEqual({
      ...documented,
      mo_reference_id: "",
      submit_timestamp: "",
    });
    expect(one.submit_timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
    expect(Date.parse(`${one.submit_timestamp}Z`)).toBeGreaterThanOrEqual(before);
  });

  it("takes overrides, and properties that TeleSign may add", () => {
    const message = notification({ mo_message: "", carrier: "one" });
    expect(message).toMatchObject({
      mo_message: "",
      carrier: "one",
      from_phone_number: "15551234",
    });
  });
});

describe("sign", () => {
  it("gives both headers of TeleSign's Digest scheme", () => {
    const body = '{"mo_message":"Grüße"}';
    const key = Buffer.from(apiKey, "base64");
    const signature = createHmac("sha256", key).update(body).digest("base64");
    expect(sign(body, { apiKey, customerId })).toEqual({
      Authorization: `TSA ${customerId}:${signature}`,
      "X-TS-Authorization": signature,
    });
  });

  it.each(["Authorization", "X-TS-Authorization"] as const)(
    "makes an %s header that verifySignature believes",
    (header) => {
      const body = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d, 0xff]);
      expect(verifySignature(body, sign(body, { apiKey })[header], apiKey)).toBe(true);
      expect(verifySignature(Buffer.from("{}"), sign(body, { apiKey })[header], apiKey)).toBe(
        false,
      );
    },
  );

  it.each([
    ["apiKey", { apiKey: "" }],
    ["apiKey", { apiKey: undefined }],
    ["apiKey", { apiKey: [apiKey] }],
    ["customerId", { apiKey, customerId: "a\r\nb" }],
    ["customerId", { apiKey, customerId: 7 }],
    ["key", { apiKey, key: "" }],
  ])("refuses a bad %s and names it", (name, options) => {
    // @ts-expect-error: what JavaScript lets through
    const signing = () => sign("{}", options);
    expect(signing).toThrow(TypeError);
    expect(signing).toThrow(name);
  });
});

describe("deliver, to a receiver that answers 200", () => {
  it("posts the notification once, as JSON, unsigned", async () => {
    const { listener, received } = receiver();
    const message = notification({ mo_message: "✓" });
    expect(await deliver(listener, message)).toEqual([{ status: 200, ms: aNumber }]);
    expect(received).toEqual([
      expect.objectContaining({ method: "POST", body: Buffer.from(JSON.stringify(message)) }),
    ]);
    expect(received[0]?.headers).toMatchObject({ "content-type": "application/json" });
    expect(received[0]?.headers).not.toHaveProperty("authorization");
  });

  it.each([{ apiKey }, { apiKey, customerId }])("signs with the API key: %#", async (signer) => {
    const { listener, received } = receiver();
    const message = notification();
    await deliver(listener, message, signer);
    const signed = sign(JSON.stringify(message), signer);
    expect(received[0]?.headers).toMatchObject({
      authorization: signed.Authorization,
      "x-ts-authorization": signed["X-TS-Authorization"],
    });
  });

  it("is accepted by an app that verifies, and its retry is a duplicate", async () => {
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
  it("makes three attempts with the same bytes and signature, and ends with a 200", async () => {
    const { listener, received } = receiver(503, 404);
    const attempts = await deliver(listener, notification(), { apiKey, waits: [0, 1] });
    expect(attempts.map(({ status }) => status)).toEqual([503, 404, 200]);
    expect(received).toHaveLength(3);
    const [first, ...others] = received.map(({ body, headers }) => [body, headers.authorization]);
    for (const other of others) expect(other).toEqual(first);
  });

  it.each([201, 204, 301, 400, 500])("takes %i for a failure, and gives up", async (status) => {
    const { listener, received } = receiver(status, status, status, status);
    const attempts = await deliver(listener, notification(), { waits: [0, 0] });
    expect(attempts.map((attempt) => attempt.status)).toEqual([status, status, status]);
    expect(received).toHaveLength(3);
  });

  it("makes one attempt more than there are waits", async () => {
    const { listener, received } = receiver(500);
    await deliver(listener, notification(), { waits: [] });
    expect(received).toHaveLength(1);
  });

  it("waits 10 s, then 30 s, as TeleSign does", async () => {
    const { listener, received } = receiver(500, 500);
    const waiting = jest.spyOn(timers, "setTimeout").mockResolvedValue(true);
    await deliver(listener, notification());
    expect(waiting.mock.calls.map(([wait]) => wait)).toEqual([0, 10_000, 30_000]);
    expect(received).toHaveLength(3);
  });

  it("reports the code of an error, and no address", async () => {
    const gone = createServer();
    const port = await listening(gone);
    gone.close();
    await once(gone, "close");
    const attempts = await deliver(`http://127.0.0.1:${port}/secret`, notification(), {
      waits: [0],
    });
    const refused = { error: "ECONNREFUSED", ms: aNumber };
    expect(attempts).toEqual([refused, refused]);
  });

  it.each<[string, RequestListener]>([
    ["never answers", () => {}],
    ["never finishes its answer", (_, res) => void res.writeHead(200).write("begun")],
  ])("gives up on one that %s, after the time-out", async (_, listener) => {
    const attempts = await deliver(listener, notification(), { waits: [], timeout: 50 });
    expect(attempts).toEqual([{ error: "ETIMEDOUT", ms: aNumber }]);
  });

  it("hangs up on one that is too slow", async () => {
    const hungUp = new Promise((resolve) => {
      const listener: RequestListener = (req) => void req.socket.on("close", resolve);
      const server = createServer(listener);
      void listening(server).then((port) =>
        deliver(`http://127.0.0.1:${port}/`, notification(), { waits: [], timeout: 50 }),
      );
    });
    await hungUp;
  });

  it("says how long an attempt took, in milliseconds", async () => {
    const before = performance.now();
    const [attempt] = await deliver(receiver().listener, notification());
    expect(attempt!.ms).toBeLessThanOrEqual(Math.ceil(performance.now() - before));
  });

  it.each<[string, RequestListener]>([
    ["hangs up", (req) => void req.socket.destroy()],
    ["breaks off its answer", (_, res) => void res.write("begun", () => res.destroy())],
  ])("counts one that %s as a failure", async (_, listener) => {
    const attempts = await deliver(listener, notification(), { waits: [] });
    expect(attempts).toEqual([{ error: "ECONNRESET", ms: aNumber }]);
  });
});

describe("deliver, to each kind of target", () => {
  const attempted = [{ status: 200, ms: aNumber }];

  it.each<[string, (address: string) => DeliverTarget]>([
    ["a string", (address) => address],
    ["a URL", (address) => new URL(address)],
  ])("posts to the path of %s", async (_, targetOf) => {
    const { listener } = receiver();
    const onPath = jest.fn<void, [string | undefined]>();
    const server = createServer((req, res) => {
      onPath(req.url);
      listener(req, res);
    });
    const port = await listening(server);
    const target = targetOf(`http://127.0.0.1:${port}/telesign/4f9d0c?a=b`);
    expect(await deliver(target, notification())).toEqual(attempted);
    expect(onPath).toHaveBeenCalledWith("/telesign/4f9d0c?a=b");
  });

  it.each(["127.0.0.1", "0.0.0.0", "::", "::1"])(
    "reaches a server that listens on %s, and leaves it listening",
    async (host) => {
      const server = createServer(receiver().listener);
      await listening(server, host);
      expect(await deliver(server, notification())).toEqual(attempted);
      expect(server.listening).toBe(true);
    },
  );

  it("reaches a server that is about to listen", async () => {
    const server = createServer(receiver().listener).listen(0, "127.0.0.1");
    servers.push(server);
    expect(await deliver(server, notification())).toEqual(attempted);
    expect(server.listening).toBe(true);
  });

  it("reaches a server that is about to listen on a host name, and leaves it to it", async () => {
    const server = createServer(receiver().listener).listen(0, "localhost");
    servers.push(server);
    const isListening = once(server, "listening");
    const onClose = jest.fn();
    server.on("close", onClose);
    expect(await deliver(server, notification())).toEqual(attempted);
    await isListening;
    expect(await deliver(server, notification())).toEqual(attempted);
    expect(server.listening).toBe(true);
    expect(onClose).not.toHaveBeenCalled();
  });

  it("takes deliveries at the same time to one server that does not listen", async () => {
    const { listener, received } = receiver();
    const server = createServer(listener);
    const delivering = [1, 2, 3].map(() => deliver(server, notification()));
    expect(await Promise.all(delivering)).toEqual([attempted, attempted, attempted]);
    expect(received).toHaveLength(3);
  });

  it("serves a server that does not listen, on 127.0.0.1, without starting it", async () => {
    const onListening = jest.fn();
    const onAddress = jest.fn<void, [string | undefined]>();
    const server = createServer((req, res) => {
      onAddress(req.socket.localAddress);
      res.end();
    }).on("listening", onListening);
    expect(await deliver(server, notification())).toEqual(attempted);
    expect(onAddress).toHaveBeenCalledWith("127.0.0.1");
    expect(onListening).not.toHaveBeenCalled();
    expect(server.listening).toBe(false);
  });

  it.each([
    ["5", "express"],
    ["4", "express4"],
  ])("serves an Express %s app itself while it delivers", async (_, name) => {
    const app = jest.requireActual<typeof express>(name)();
    app.use(telesignCallback({ onMessage: () => {} }));
    expect(await deliver(app, notification())).toEqual(attempted);
  });

  it("speaks TLS to an https URL", async () => {
    const server = createTcpServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const firstByte = once(server, "connection").then(async ([socket]: Socket[]) => {
      const [bytes] = (await once(socket!, "data")) as [Buffer];
      socket!.destroy();
      return bytes[0];
    });
    await deliver(`https://127.0.0.1:${port}/`, notification(), { waits: [] });
    server.close();
    const HANDSHAKE = 22;
    expect(await firstByte).toBe(HANDSHAKE);
  });

  it("leaves no server of its own behind", async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP"));
    const before = sockets();
    await deliver(express().use(telesignCallback()), notification());
    await deliver(createServer(receiver().listener), notification());
    expect(sockets()).toEqual(before);
  });

  it("takes any time-out that a timer can wait", async () => {
    const longest = { timeout: 2 ** 31 - 1 };
    expect(await deliver(receiver().listener, notification(), longest)).toEqual(attempted);
  });

  it("lets the process end by itself once it has delivered", async () => {
    const folder = join(__dirname, "..");
    const { stdout } = await promisify(execFile)("node", ["-e", PROGRAM], { cwd: folder });
    expect(stdout).toBe("200\n");
  }, 30_000);
});

describe("deliver, given something wrong", () => {
  it.each<[string, [unknown, unknown, unknown?]]>([
    ["target", ["/telesign/secret", {}]],
    ["target", ["ftp://127.0.0.1/secret", {}]],
    ["target", ["xhttp://127.0.0.1/secret", {}]],
    ["target", [undefined, {}]],
    ["target", ["http://secret:x@127.0.0.1/", {}]],
    ["target", [new URL("http://:secret@127.0.0.1/"), {}]],
    ["target", ["http://%zz:secret@127.0.0.1/", {}]],
    ["notification", ["http://127.0.0.1/", "{}"]],
    ["notification", ["http://127.0.0.1/", null]],
    ["apiKey", ["http://127.0.0.1/", {}, { apiKey: undefined }]],
    ["apiKey", ["http://127.0.0.1/", {}, { apiKey: " " }]],
    ["customerId must be letters", ["http://127.0.0.1/", {}, { customerId: "a b" }]],
    ["customerId", ["http://127.0.0.1/", {}, { apiKey, customerId: "a b" }]],
    ["waits", ["http://127.0.0.1/", {}, { waits: 10 }]],
    ["waits", ["http://127.0.0.1/", {}, { waits: [-1] }]],
    ["waits", ["http://127.0.0.1/", {}, { waits: [1.5] }]],
    ["waits", ["http://127.0.0.1/", {}, { waits: ["5"] }]],
    ["waits", ["http://127.0.0.1/", {}, { waits: [2 ** 31] }]],
    ["timeout", ["http://127.0.0.1/", {}, { timeout: 0 }]],
    ["timeout", ["http://127.0.0.1/", {}, { timeout: 2 ** 31 }]],
    ["timeout", ["http://127.0.0.1/", {}, { timeout: "5" }]],
    ["path", ["http://127.0.0.1/", {}, { path: "/" }]],
  ])("rejects with a TypeError that names the %s and repeats no value", async (name, args) => {
    // @ts-expect-error: what JavaScript lets through
    const error = await deliver(...args).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(name) as unknown,
    });
    expect(String(error)).not.toMatch(/secret/);
  });

  it("refuses a server that listens on no port", async () => {
    const server = createServer();
    servers.push(server);
    const folder = await mkdtemp(join(tmpdir(), "telesign-callback-"));
    server.listen(join(folder, "socket"));
    await once(server, "listening");
    await expect(deliver(server, notification())).rejects.toThrow("listens on a port");
    await rm(folder, { recursive: true });
  });
});
