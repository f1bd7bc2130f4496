import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { telesignCallback, type CallbackOptions, type TelesignCallback } from "telesign-callback";

import { mounts } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { hasNginx, startNginx } from "./support/nginx.js";
import { deadlines, fakeDeadlines, turn } from "./support/timers.js";
import { upload } from "./support/uploads.js";
import { dial, exchange, listen, post, received } from "./support/wire.js";

jest.mock("node:timers", () =>
  jest
    .requireActual<typeof import("./support/timers.js")>("./support/timers.js")
    .followGlobalTimers(),
);

afterEach(() => jest.useRealTimers());

/** Starts to read the body and leaves the rest to the callback. */
function nibble(req: IncomingMessage, _res: ServerResponse, next: () => void): void {
  req.once("data", () => {
    req.pause();
    next();
  });
}

interface Refused {
  readonly status: number;
  readonly options?: CallbackOptions;
  readonly headers?: string[];
  readonly before?: typeof nibble;
  readonly prepare?: (callback: TelesignCallback) => Promise<void>;
}

const declared = (size: number) => `Content-Length: ${size}`;
const chunked = () => "Transfer-Encoding: chunked";

/** Every refusal of a body that was not read. */
const refusals: [string, Refused][] = [
  ["after close()", { status: 503, prepare: (callback) => callback.close() }],
  ["of an address", { status: 403, options: { allowFrom: ["192.0.2.7"] } }],
  ["of an encoding", { status: 415, headers: ["Content-Encoding: gzip"] }],
  ["of a body that is too large", { status: 413 }],
  ["of a body that others have begun to read", { status: 500, before: nibble }],
];

const head = (framing: string, headers: string[] = []) =>
  ["POST / HTTP/1.1", "Host: a", framing, ...headers].join("\r\n") + "\r\n\r\n";

describe.each(mounts)("a refusal, %s,", (_, { serve, ...parts }) => {
  async function refuse({ options = {}, before, prepare }: Refused) {
    const callback = parts.telesignCallback(options);
    callback.on("error", () => {});
    await prepare?.(callback);
    return listen(serve(...(before ? [before] : []), callback));
  }

  describe.each(refusals)("%s", (_name, refused) => {
    const { status, headers } = refused;

    it.each([
      ["declared", declared],
      ["chunked", chunked],
    ])("arrives whole, although 3 MB are under way (%s)", async (_framing, framing) => {
      const { port } = await refuse(refused);
      const size = 3_000_000;
      const { answer, error } = await upload(port, head(framing(size), headers), size);
      expect(error).toBeUndefined();
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: close\r\n`));
      const [, problem] = answer.split("\r\n\r\n");
      expect(JSON.parse(problem!)).toMatchObject({ type: "about:blank", status });
    });

    it("ends the connection after 2 s, and not before, if the upload does not end", async () => {
      const { server, port } = await refuse(refused);
      fakeDeadlines();
      const accepted = once(server, "connection") as Promise<[Socket]>;
      const socket = await dial(port);
      const answer = received(socket);
      const [connection] = await accepted;
      const answered = once(socket, "data");
      socket.write(`${head(declared(100_000), headers)}${"x".repeat(70_000)}`);
      await answered;
      await deadlines();
      await jest.advanceTimersByTimeAsync(1_999);
      await turn();
      expect(connection.writableEnded).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    });
  });

  it("discards little more than 4 MB of an upload of 50 MB", async () => {
    const { server, port } = await refuse({ status: 413 });
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const sent = upload(port, head(chunked()), 50_000_000);
    const [connection] = await accepted;
    await sent;
    expect(connection.bytesRead).toBeGreaterThan(4_000_000);
    // In one turn of its event loop, Node may read 2 MB more.
    expect(connection.bytesRead).toBeLessThan(7_000_000);
  });

  it.each([
    ["that is not JSON", {}, 400],
    ["that is not signed", { apiKey: "c2VjcmV0" }, 401],
  ])("of a whole body %s keeps the connection open", async (_name, options, status) => {
    const { port } = await refuse({ status, options });
    const answers = await exchange(port, post("/", "{", [], "keep-alive"), post("/", "{"));
    const lines = answers.match(/HTTP\/1.1 \d+|Connection: [\w-]+/g);
    const line = `HTTP/1.1 ${status}`;
    expect(lines).toEqual([line, "Connection: keep-alive", line, "Connection: close"]);
  });
});

const describeWithNginx = hasNginx() ? describe : describe.skip;

describeWithNginx("a refusal through nginx", () => {
  let nginx: Awaited<ReturnType<typeof startNginx>> | undefined;
  afterEach(() => nginx?.stop());

  it.each(refusals)(
    "%s arrives at its sender, and costs no other client its answer",
    async (_name, { status, options = {}, headers = [], before, prepare }) => {
      const serve = async () => {
        const callback = telesignCallback({ path: "/t", ...options });
        callback.on("error", () => {});
        await prepare?.(callback);
        const { port } = await listen((req, res) => {
          const proceed = () => callback(req, res, () => res.end("the app's own"));
          if (before && req.method === "POST") before(req, res, proceed);
          else proceed();
        });
        return port;
      };
      nginx = await startNginx(await serve(), await serve());
      const { port } = nginx;
      const url = `http://127.0.0.1:${port}`;
      const size = 900_000;
      const closing = ["Connection: close", ...headers];
      const post = head(declared(size), closing).replace("POST /", "POST /t");
      for (let round = 0; round < 10; round += 1) {
        const { answer } = await upload(port, post, size);
        expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*"status":${status}`));
        const other = await fetch(url);
        expect([other.status, await other.text()]).toEqual([200, "the app's own"]);
      }
    },
  );
});

describe("a thousand refusals at once", () => {
  const count = 1_000;
  const serve = () => {
    const callback = telesignCallback({ allowFrom: ["192.0.2.7"] });
    return listen((req, res) => callback(req, res, () => res.end()));
  };

  it("all arrive whole", async () => {
    const { port } = await serve();
    const size = 50_000;
    const outcomes = await Promise.all(
      Array.from({ length: count }, () => upload(port, head(declared(size)), size)),
    );
    expect(outcomes.filter(({ error }) => error)).toEqual([]);
    expect(outcomes.filter(({ answer }) => !/ 403 [^]*"status":403}$/.test(answer))).toEqual([]);
  }, 30_000);

  it("all end their connections after 2 s", async () => {
    const { port } = await serve();
    fakeDeadlines();
    const sockets = await Promise.all(Array.from({ length: count }, () => dial(port)));
    const answers = sockets.map((socket) => received(socket));
    const begun = sockets.map((socket) => once(socket, "data"));
    for (const socket of sockets) socket.write(`${head(declared(50_000))}x`);
    await Promise.all(begun);
    await deadlines(count);
    await jest.advanceTimersByTimeAsync(2_000);
    const wrong = (await Promise.all(answers)).filter(
      (answer) => !answer.endsWith('"status":403}'),
    );
    expect(wrong).toEqual([]);
  }, 30_000);
});

describe("a client that hangs up while it is refused", () => {
  it("causes one rejected event", async () => {
    const callback = telesignCallback({ allowFrom: ["192.0.2.7"] });
    const rejections: number[] = [];
    const rejected = new Promise<void>((resolve) => {
      callback.on("rejected", ({ status }) => {
        rejections.push(status);
        resolve();
      });
    });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const socket = await dial(port);
    const answered = once(socket, "data");
    socket.write(`${head(declared(50_000))}x`);
    await answered;
    socket.resetAndDestroy();
    await rejected;
    await callback.close();
    expect(rejections).toEqual([403]);
  });
});

describe("an answer after close() was called", () => {
  const late: [string, string, CallbackOptions, number][] = [
    ["a notification", JSON.stringify(documented), {}, 503],
    ["a body that is not JSON", "{", {}, 400],
    ["a body that is not signed", JSON.stringify(documented), { apiKey: "c2VjcmV0" }, 401],
  ];

  it.each(late)(
    "closes the connection on which %s was arriving",
    async (_name, body, options, status) => {
      const callback = telesignCallback(options);
      const { server, port } = await listen((req, res) => callback(req, res, () => res.end()));
      const arrived = once(server, "request");
      const bytes = post("/", body, [], "keep-alive");
      const socket = await dial(port);
      const answer = received(socket);
      socket.write(bytes.subarray(0, -1));
      await arrived;
      await callback.close();
      socket.write(bytes.subarray(-1));
      const expected = new RegExp(`^HTTP/1.1 ${status} [^]*\r\nConnection: close\r\n`);
      expect(await answer).toMatch(expected);
    },
  );

  it.each(["accepted", "duplicate"] as const)(
    "closes the connection of a notification that the inbox then reports as %s",
    async (outcome) => {
      const callback = telesignCallback({
        inbox: {
          accept: async () => {
            void callback.close();
            await turn();
            return outcome;
          },
          consume: () => () => Promise.resolve(),
          close: () => Promise.resolve(),
        },
      });
      const { port } = await listen((req, res) => callback(req, res, () => res.end()));
      const answer = await exchange(port, post("/", JSON.stringify(fresh()), [], "keep-alive"));
      expect(answer).toMatch(/^HTTP\/1.1 200 [^]*\r\nConnection: close\r\n/);
    },
  );
});
