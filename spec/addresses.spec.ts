import { ServerResponse, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";

import request from "supertest";
import { telesignCallback } from "telesign-callback";

import { next } from "./support/events.js";
import { expressVersions } from "./support/express-versions.js";
import { fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

describe.each(expressVersions)("allowFrom, in an %s app", (_, { express, telesignCallback }) => {
  /** The answer of an app that trusts one proxy to a delivery from `address` through that proxy. */
  const deliverFrom = (address: string, allowFrom: string[]) =>
    request(express().set("trust proxy", 1).use(telesignCallback({ allowFrom })))
      .post("/")
      .set("X-Forwarded-For", address)
      .send(fresh());

  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7", "192.0.2.0/24"],
    ["192.0.2.7", "0.0.0.0/0"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::ffff:c000:207", "192.0.2.0/24"],
    ["192.0.2.7", "::ffff:192.0.2.7"],
    ["192.0.2.7", "::ffff:192.0.2.0/120"],
    ["2001:db8::7", "2001:db8::7"],
    ["2001:DB8:0:0::7", "2001:db8::/32"],
    ["2001:db8::7", "2001:db8::7/128"],
  ])("lets %s deliver when it lists %s", async (address, entry) => {
    await deliverFrom(address, ["203.0.113.1", entry]).expect(200);
  });

  it.each([
    ["192.0.3.7", "192.0.2.0/24"],
    ["192.0.2.8", "192.0.2.7"],
    ["::ffff:192.0.3.7", "192.0.2.0/24"],
    ["2001:db9::7", "2001:db8::/32"],
    ["198.51.100.7:44321", "0.0.0.0/0"],
    ["<script>", "0.0.0.0/0"],
    ["unknown", "::/0"],
  ])("refuses %s when it lists %s, without reading the body", async (address, entry) => {
    const answer = await deliverFrom(address, [entry]).expect("Connection", "close").expect(403);
    expect(answer.body).toEqual({ type: "about:blank", title: "Address not allowed", status: 403 });
  });

  it("trusts only the proxies that the app trusts", async () => {
    const app = (trusted: number | boolean) =>
      express()
        .set("trust proxy", trusted)
        .use(telesignCallback({ allowFrom: ["192.0.2.7"] }));
    const forwarded = "192.0.2.7, 203.0.113.9";
    await request(app(1)).post("/").set("X-Forwarded-For", forwarded).send(fresh()).expect(403);
    await request(app(false))
      .post("/")
      .set("X-Forwarded-For", "192.0.2.7")
      .send(fresh())
      .expect(403);
    await request(app(true)).post("/").set("X-Forwarded-For", forwarded).send(fresh()).expect(200);
  });
});

describe.each(expressVersions)(
  "allowFrom, in an %s app whose trust proxy function throws,",
  (_, { express, telesignCallback }) => {
    it("leaves that error to the app, unchanged", async () => {
      const distrust = () => {
        throw new Error("no table of proxies");
      };
      const onError = (error: Error, _req: unknown, res: ServerResponse, _next: unknown) => {
        res.writeHead(503).end(error.message);
      };
      const callback = telesignCallback({ allowFrom: ["192.0.2.7"] });
      const app = express().set("trust proxy", distrust).use(callback, onError);
      await request(app)
        .post("/")
        .set("X-Forwarded-For", "192.0.2.7")
        .send(fresh())
        .expect(503, "no table of proxies");
    });
  },
);

describe.each(expressVersions)(
  "a rejected event in an %s app whose trust proxy function throws",
  (_, { express, telesignCallback }) => {
    it("has no address", async () => {
      const distrust = () => {
        throw new Error("no table of proxies");
      };
      const callback = telesignCallback();
      const rejected = next(callback, "rejected");
      const app = express().set("trust proxy", distrust).use(callback);
      await request(app).post("/").set("X-Forwarded-For", "192.0.2.7").send({}).expect(400);
      expect((await rejected)[0]).toMatchObject({ status: 400, address: undefined });
    });
  },
);

describe("allowFrom, ahead of an app", () => {
  it.each([
    ["127.0.0.1", 200],
    ["192.0.2.7", 403],
  ])("compares %s with the socket's address, so the answer is %i", async (entry, status) => {
    const callback = telesignCallback({ allowFrom: [entry] });
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const answer = await exchange(
      port,
      post("/", JSON.stringify(fresh()), ["X-Forwarded-For: 192.0.2.7"]),
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it("refuses a request whose socket no longer has an address", async () => {
    const callback = telesignCallback({ allowFrom: ["127.0.0.1"] });
    const { port } = await listen((req, res) => {
      Object.defineProperty(req.socket, "remoteAddress", { value: undefined });
      callback(req, res, () => res.end());
    });
    expect(await exchange(port, post("/", "{}"))).toMatch(/^HTTP\/1.1 403 /);
  });

  it("refuses a request that a serverless host made without a socket", () => {
    const callback = telesignCallback({ allowFrom: ["127.0.0.1"] });
    const made = Object.assign(new Readable(), { method: "POST", url: "/", headers: {} });
    const req = made as unknown as IncomingMessage;
    const res = new ServerResponse(req);
    const passedOn = jest.fn();
    callback(req, res, passedOn);
    expect([res.statusCode, passedOn.mock.calls]).toEqual([403, []]);
  });
});
