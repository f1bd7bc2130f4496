import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import request from "supertest";

import { expressVersions, mounts } from "./support/express-versions.js";
import { fresh } from "./support/notifications.js";
import { exchange, listen } from "./support/wire.js";

/** What anybody could see of a request and its response. */
function looksOf(req: IncomingMessage, res: ServerResponse) {
  return {
    properties: [Reflect.ownKeys(req), Reflect.ownKeys(res)],
    listeners: [req, res, req.socket].map((emitter) =>
      emitter.eventNames().map((event) => [event, emitter.listenerCount(event)]),
    ),
    stream: [req.readableFlowing, req.readableDidRead, req.isPaused()],
    url: req.url,
  };
}

const others = [
  ["GET", "/t/4f9d0c"],
  ["HEAD", "/t/4f9d0c"],
  ["PUT", "/t/4f9d0c"],
  ["OPTIONS", "/t/4f9d0c"],
  ["OPTIONS", "/other"],
  ["POST", "/other?path=/t/4f9d0c"],
  ["POST", "/t/4f9d0c/"],
] as const;

afterEach(() => jest.useRealTimers());

describe.each(mounts)(
  "a request that is not a callback, %s,",
  (_, { serve, express, ...parts }) => {
    const make = () => parts.telesignCallback({ path: "/t/4f9d0c", onMessage() {} });
    const send = (port: number, method: string, path: string, body = "") =>
      exchange(
        port,
        `${method} ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n`,
        `Content-Length: ${body.length}\r\n\r\n${body}`,
      );

    it.each(others)("reaches the next handler in the same turn: %s %s", async (method, path) => {
      const order: string[] = [];
      const { port } = await listen(
        serve(
          (_req, _res, next) => {
            next();
            order.push("returned");
          },
          make(),
          (_req, res) => {
            order.push("reached");
            res.end();
          },
        ),
      );
      await send(port, method, path, "{}");
      expect(order).toEqual(["reached", "returned"]);
    });

    it.each(others)("reaches the next handler unchanged: %s %s", async (method, path) => {
      const looks: unknown[] = [];
      const { port } = await listen(
        serve(
          (req, res, next) => {
            looks.push(looksOf(req, res));
            next();
          },
          make(),
          (req, res) => {
            looks.push(looksOf(req, res));
            res.end();
          },
        ),
      );
      await send(port, method, path, "{}");
      expect(looks).toHaveLength(2);
      expect(looks[1]).toEqual(looks[0]);
    });

    it("keeps its body for the next handler", async () => {
      const echo = (req: IncomingMessage, res: ServerResponse) => void req.pipe(res);
      const { port } = await listen(serve(make(), echo));
      expect(await send(port, "POST", "/other", '{"kept":true}')).toMatch(/{"kept":true}/);
    });

    it("is answered by the app's own OPTIONS handler", async () => {
      const app = express();
      app.options("/t/4f9d0c", (_req: unknown, res: ServerResponse) => res.end("the app's own"));
      const { port } = await listen(serve(make(), app));
      expect(await send(port, "OPTIONS", "/t/4f9d0c")).toMatch(/the app's own/);
    });

    it("has the same originalUrl in the app as without the callback if a handler between them rewrites its url", async () => {
      const app = express();
      app.get("/v1/who", (req: { originalUrl: string }, res: ServerResponse) =>
        res.end(req.originalUrl),
      );
      const rewrite = (req: IncomingMessage, res: ServerResponse) => {
        req.url = `/v1${req.url}`;
        app(req, res);
      };
      const answers = [];
      for (const handlers of [[rewrite], [make(), rewrite]]) {
        const { port } = await listen(serve(...handlers));
        answers.push((await send(port, "GET", "/who")).split("\r\n\r\n")[1]);
      }
      expect(answers[1]).toBe(answers[0]);
    });

    it("is answered as it would be without the callback when bytes that do not parse follow in the same packet", async () => {
      const app = express();
      app.get("/other", (_req: unknown, res: ServerResponse) => res.end("the app's own"));
      const answers = [];
      for (const handlers of [[app], [make(), app]]) {
        const { port } = await listen(serve(...handlers));
        const answer = await exchange(port, "GET /other HTTP/1.1\r\nHost: a\r\n\r\n\0garbage");
        answers.push(answer.replace(/^Date: .*/m, ""));
      }
      expect(answers[1]).toBe(answers[0]);
    });

    it("is answered under Jest's fake timers", async () => {
      const app = express();
      app.get("/other", (_req: unknown, res: ServerResponse) => res.end("the app's own"));
      const { port } = await listen(serve(make(), app));
      jest.useFakeTimers();
      expect(await send(port, "GET", "/other")).toMatch(/the app's own/);
    });

    it("reaches a route that the app added to the callback", async () => {
      const callback = make();
      const router = callback as unknown as { get(path: string, handler: unknown): void };
      router.get("/health", (_req: unknown, res: ServerResponse) => res.end("healthy"));
      const { port } = await listen(serve(callback, (_req, res) => res.end("the app's own")));
      expect(await send(port, "GET", "/health")).toMatch(/healthy/);
      expect(await send(port, "GET", "/other")).toMatch(/the app's own/);
      await request(`http://127.0.0.1:${port}`).post("/t/4f9d0c").send(fresh()).expect(200);
    });
  },
);

describe.each(expressVersions)("telesignCallback, with %s,", (_, { telesignCallback }) => {
  it("lets an exception of the next handler reach the caller", async () => {
    const callback = telesignCallback({ path: "/t" });
    const { port } = await listen((req, res) => {
      try {
        callback(req, res, () => {
          throw new Error("of the app");
        });
      } catch (error) {
        res.end(`caught: ${(error as Error).message}`);
      }
    });
    const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await exchange(port, get)).toMatch(/caught: of the app/);
  });

  it("leaves a request that has nothing but a method to the app", () => {
    const next = jest.fn();
    const callback = telesignCallback();
    callback({ method: "POST" } as IncomingMessage, {} as ServerResponse, next);
    expect(next.mock.calls).toEqual([[]]);
  });
});

describe("an app's own route, under node:test's mock timers,", () => {
  it.each([
    ["in Express 5", "express"],
    ["in Express 4", "express4"],
    ["in Express 4.18.0", "express418"],
    ["with the callback ahead of the app", "ahead"],
  ])("is answered %s", async (_, mount) => {
    const program = join(__dirname, "fixtures/mock-timers.js");
    const { stdout } = await promisify(execFile)(process.execPath, [program, mount]);
    expect(stdout).toBe("200\n");
  });
});
