import request from "supertest";

import { expressVersions } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

describe.each(expressVersions)(
  "telesignCallback in an %s app",
  (_, { express, telesignCallback }) => {
    it("accepts TeleSign's documented example, and emits it unaltered", async () => {
      const listener = jest.fn();
      const app = express().use(telesignCallback({ path: "/t/4f9d0c", onMessage: listener }));
      await request(app)
        .post("/t/4f9d0c")
        .send(documented)
        .expect("Content-Type", "application/json")
        .expect(200, { status: "accepted" });
      expect(listener.mock.calls).toEqual([
        [
          documented,
          {
            receivedAt: expect.any(Date),
            submittedAt: new Date("2018-02-12T14:57:11.765Z"),
            attempt: 1,
          },
        ],
      ]);
    });

    it("serves its path under a mount point", async () => {
      const app = express().use("/webhooks", telesignCallback({ path: "/4f9d0c" }));
      await request(app).post("/webhooks/4f9d0c").send(fresh()).expect(200);
      await request(app).post("/4f9d0c").send(fresh()).expect(404);
    });

    it("serves the mount point itself if no path is given", async () => {
      const app = express().use("/webhooks", telesignCallback());
      await request(app).post("/webhooks").send(fresh()).expect(200);
      await request(app).post("/webhooks/?attempt=2").send(fresh()).expect(200);
      await request(app).post("/webhooks/deeper").send(fresh()).expect(404);
    });

    it("ignores the query", async () => {
      const app = express().use(telesignCallback({ path: "/t" }));
      await request(app).post("/t?attempt=2").send(fresh()).expect(200);
      await request(app).post("/t?").send(fresh()).expect(200);
    });

    it.each([
      "/T",
      "/t/",
      "//t",
      "/%74",
      "/t/x",
      "/tx",
      "/",
      "/x/http://a.test/t",
      "/thttp://a.test",
    ])("with the path /t, leaves %s to the app", async (path) => {
      const app = express().use(telesignCallback({ path: "/t" }));
      await request(app).post(path).send(fresh()).expect(404);
    });

    it.each(["/a:b", "/a*b", "/a+b", "/a(b", "/a[b]", "/a$b", "/a{b}", "/a.b", "/a\\b", "/~a%20!"])(
      "takes the path %s literally",
      async (path) => {
        const { port } = await listen(express().use(telesignCallback({ path })));
        const body = JSON.stringify(fresh());
        expect(await exchange(port, post(path, body))).toMatch(/^HTTP\/1.1 200 /);
        expect(await exchange(port, post("/aXb", body))).toMatch(/^HTTP\/1.1 404 /);
      },
    );

    it("accepts a request target in absolute form, as a proxy may send it", async () => {
      const { port } = await listen(express().use(telesignCallback({ path: "/t" })));
      const body = JSON.stringify(fresh());
      expect(await exchange(port, post("http://app.test/t?a", body))).toMatch(/^HTTP\/1.1 200 /);
      expect(await exchange(port, post("http://app.test/x", body))).toMatch(/^HTTP\/1.1 404 /);
    });

    it("keeps two callbacks in one app apart", async () => {
      const [first, second] = [jest.fn(), jest.fn()];
      const app = express()
        .use(telesignCallback({ path: "/one", onMessage: first }))
        .use(telesignCallback({ path: "/two", onMessage: second }));
      await request(app).post("/one").send(documented).expect(200, { status: "accepted" });
      await request(app).post("/two").send(documented).expect(200, { status: "accepted" });
      expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 1]);
    });

    it("also works ahead of the app, on node:http, and passes other requests on to the app", async () => {
      const listener = jest.fn();
      const callback = telesignCallback({ path: "/t", onMessage: listener });
      const app = express().use(
        express.json(),
        (req: { body: unknown; url: string }, res: { json(body: unknown): void }) =>
          res.json({ url: req.url, body: req.body }),
      );
      const { port } = await listen((req, res) => callback(req, res, () => app(req, res)));
      const base = `http://127.0.0.1:${port}`;
      await request(base).post("/t").send(documented).expect(200, { status: "accepted" });
      await request(base).post("/t").send(documented).expect(200, { status: "duplicate" });
      await request(base)
        .post("/other?a=1")
        .send({ kept: true })
        .expect(200, { url: "/other?a=1", body: { kept: true } });
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it("passes an error of other middleware on to the app, once, and still emits the message", async () => {
      const handled = jest.fn();
      const listener = jest.fn();
      const callback = telesignCallback({ onMessage: listener });
      const app = express().use(
        (_req: unknown, res: { writeHead?: unknown }, next: () => void) => {
          res.writeHead = () => {
            delete res.writeHead;
            throw new Error("a broken middleware");
          };
          next();
        },
        callback,
        (error: Error, _req: unknown, res: { statusCode: number; end(): void }, _next: unknown) => {
          handled(error.message);
          res.statusCode = 500;
          res.end();
        },
      );
      await request(app).post("/").send(documented).expect(500);
      await callback.close();
      expect(handled.mock.calls).toEqual([["a broken middleware"]]);
      expect(listener).toHaveBeenCalledTimes(1);
    });
  },
);
