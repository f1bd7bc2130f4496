import crypto, { createHmac } from "node:crypto";

import express from "express";
import request from "supertest";
import { telesignCallback, verifySignature } from "telesign-callback";

import { next } from "./support/events.js";
import { documented, fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

// TeleSign's documented placeholders.
const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const customerId = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";
const otherKey = Buffer.from("another key").toString("base64");

const signatureOf = (body: string | Buffer, key = apiKey) =>
  createHmac("sha256", Buffer.from(key, "base64")).update(body).digest("base64");
const body = JSON.stringify(documented);
const signature = signatureOf(body);

const serve = (keys: string | string[] = apiKey) => {
  const callback = telesignCallback({ apiKey: keys });
  return { callback, app: express().use(callback) };
};
const send = (headers: Record<string, string>, text = body, keys: string | string[] = apiKey) =>
  request(serve(keys).app).post("/").type("json").set(headers).send(text);

describe("with an apiKey, a callback", () => {
  it.each([
    ["Authorization", { Authorization: `TSA ${customerId}:${signature}` }],
    ["X-TS-Authorization", { "X-TS-Authorization": signature }],
    [
      "X-TS-Authorization, after the scheme and a Customer ID",
      { "X-TS-Authorization": `TSA ${customerId}:${signature}` },
    ],
    ["Authorization, without the scheme or a Customer ID", { Authorization: signature }],
    [
      "both headers, as TeleSign sends them",
      { Authorization: `TSA ${customerId}:${signature}`, "X-TS-Authorization": signature },
    ],
    [
      "Authorization, with the scheme in lower case, which RFC 9110 allows",
      { Authorization: `tsa ${customerId}:${signature}` },
    ],
    [
      "X-TS-Authorization while a proxy's credentials are in Authorization",
      { Authorization: "Basic dXNlcjpwYXNz", "X-TS-Authorization": signature },
    ],
    [
      "Authorization while X-TS-Authorization is garbage",
      { Authorization: `TSA ${customerId}:${signature}`, "X-TS-Authorization": "," },
    ],
  ])("is accepted with its signature in %s", async (_name, headers) => {
    await send(headers).expect(200, { status: "accepted" });
  });

  it("is accepted with any of several keys, so that a key can be rotated", async () => {
    await send({ "X-TS-Authorization": signature }, body, [otherKey, apiKey]).expect(200);
    await send({ "X-TS-Authorization": signatureOf(body, otherKey) }, body, [
      otherKey,
      apiKey,
    ]).expect(200);
  });

  it("is accepted when the header of its signature comes twice and Node joins the values", async () => {
    const { port } = await listen(serve().app);
    const answer = await exchange(
      port,
      post("/", body, ["X-TS-Authorization: nonsense", `X-TS-Authorization: ${signature}`]),
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  it("is accepted when a serverless host leaves headers as arrays", async () => {
    const adapter = (
      req: { headers: Record<string, unknown> },
      _res: unknown,
      proceed: () => void,
    ) => {
      req.headers["x-ts-authorization"] = ["nonsense", signature];
      proceed();
    };
    const app = express().use(adapter as express.RequestHandler, serve().callback);
    await request(app).post("/").type("json").send(body).expect(200);
  });

  it("is verified over the raw bytes: spaces and a byte order mark count", async () => {
    for (const text of [
      JSON.stringify(documented, undefined, 2),
      `\uFEFF${JSON.stringify(fresh())}`,
    ]) {
      await send({ "X-TS-Authorization": signatureOf(text) }, text).expect(200);
      await send({ "X-TS-Authorization": signature }, text).expect(401);
    }
  });

  it("is verified over the bytes in req.rawBody after express.json() has parsed its body", async () => {
    const keep = (req: object, _res: unknown, bytes: Buffer) =>
      Object.assign(req, { rawBody: bytes });
    const app = express().use(express.json({ verify: keep }), serve().callback);
    await request(app)
      .post("/")
      .set("X-TS-Authorization", signature)
      .type("json")
      .send(body)
      .expect(200);
  });

  it.each([
    ["no signature", {}],
    ["an empty signature", { "X-TS-Authorization": "" }],
    ["another key's signature", { "X-TS-Authorization": signatureOf(body, otherKey) }],
    ["another body's signature", { "X-TS-Authorization": signatureOf(`${body} `) }],
    [
      "its signature in hex",
      { "X-TS-Authorization": Buffer.from(signature, "base64").toString("hex") },
    ],
    ["its signature without the padding", { "X-TS-Authorization": signature.slice(0, -1) }],
    [
      "its signature in base64url",
      { "X-TS-Authorization": signature.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "") },
    ],
    [
      "characters around its signature that base64 decoders skip",
      { "X-TS-Authorization": `!!${signature}!!` },
    ],
    ["a scheme other than TSA", { Authorization: `Bearer ${customerId}:${signature}` }],
    ["another scheme before TSA", { Authorization: `Bearer TSA ${customerId}:${signature}` }],
    ["only a Customer ID", { Authorization: `TSA ${customerId}` }],
    ["a very long signature", { "X-TS-Authorization": "A".repeat(8_000) }],
    ["very many spaces after the scheme", { Authorization: `TSA${" ".repeat(15_000)}x` }],
  ] as [string, Record<string, string>][])("with %s gets 401", async (_name, headers) => {
    const { callback, app } = serve();
    const rejected = next(callback, "rejected");
    await request(app)
      .post("/")
      .type("json")
      .set(headers)
      .send(body)
      .expect("WWW-Authenticate", "TSA")
      .expect(401, { type: "about:blank", title: "Signature missing or wrong", status: 401 });
    expect((await rejected)[0].body).toEqual(Buffer.from(body));
  });

  it.each(Array.from({ length: 66 }, (_, length) => length).filter((length) => length !== 32))(
    "with a signature of %i bytes gets 401",
    async (length) => {
      const wrong = Buffer.alloc(length, signature, "base64").toString("base64");
      await send({ "X-TS-Authorization": wrong }).expect(401);
    },
  );

  it.each(["X-TS-Authorization", "Authorization"])(
    "is accepted with its signature as the tenth value of %s, and not as the eleventh",
    async (name) => {
      const after = (count: number) => [...Array<string>(count).fill("x"), signature].join(",");
      await send({ [name]: after(9) }).expect(200);
      await send({ [name]: after(10) }).expect(401);
    },
  );

  it("is compared with at most ten well-formed signatures, counted over both headers", async () => {
    const others = (count: number) => Array<string>(count).fill(signatureOf("another")).join(",");
    await send({ "X-TS-Authorization": others(9), Authorization: signature }).expect(200);
    await send({ "X-TS-Authorization": others(10), Authorization: signature }).expect(401);
  });

  it("costs no HMAC without a well-formed signature, and otherwise one for each key", async () => {
    const { app } = serve([otherKey, apiKey]);
    const post = () => request(app).post("/").type("json");
    const hash = jest.spyOn(crypto, "hash");
    const unsigned = { Authorization: ",".repeat(1_000), "X-TS-Authorization": "x" };
    await post().set(unsigned).send(body).expect(401);
    expect(hash).not.toHaveBeenCalled();
    const wrong = Array<string>(8).fill(signatureOf("another")).join();
    await post().set({ Authorization: wrong }).send(body).expect(401);
    // An HMAC is two hashes.
    expect(hash).toHaveBeenCalledTimes(4);
  });

  it("that is forged does not suppress the genuine one that follows", async () => {
    const { callback, app } = serve();
    const listener = jest.fn();
    callback.onMessage(listener);
    const forged = JSON.stringify({ ...documented, mo_message: "forged" });
    await request(app)
      .post("/")
      .type("json")
      .set("X-TS-Authorization", signature)
      .send(forged)
      .expect(401);
    await request(app)
      .post("/")
      .type("json")
      .set("X-TS-Authorization", signature)
      .send(body)
      .expect(200, { status: "accepted" });
    expect(listener.mock.calls).toEqual([[documented, expect.anything()]]);
  });

  it("gets 400 for a bad body only if its signature is right, and otherwise 401", async () => {
    await send({}, "garbage").expect(401);
    await send({ "X-TS-Authorization": signatureOf("garbage") }, "garbage").expect(400);
  });
});

describe("verifySignature", () => {
  it("tells whether a header holds TeleSign's signature for a body", () => {
    expect(verifySignature(Buffer.from(body), signature, apiKey)).toBe(true);
    expect(verifySignature(body, `TSA ${customerId}:${signature}`, [otherKey, apiKey])).toBe(true);
    expect(verifySignature(body, signature, otherKey)).toBe(false);
    expect(verifySignature(`${body} `, signature, apiKey)).toBe(false);
  });

  // A block of SHA-256 has 64 bytes. A longer key is hashed first.
  it.each([1, 32, 63, 64, 65, 131, 1_000])("verifies signatures by a key of %i bytes", (length) => {
    const key = Buffer.alloc(length, "key").toString("base64");
    for (const size of [0, 1, 300, 8_191, 8_192, 8_193, 65_536, 2]) {
      const bytes = Buffer.alloc(size, body);
      expect(verifySignature(bytes, signatureOf(bytes, key), key)).toBe(true);
    }
  });

  it("leaves nothing of the key in memory that Buffers share", () => {
    const key = Buffer.alloc(64, "a very secret key");
    verifySignature(body, signature, key.toString("base64"));
    const { buffer } = Buffer.from("x");
    const shared = Buffer.from(buffer);
    for (const pad of [0x36, 0x5c]) {
      expect(shared.includes(Buffer.from(key.map((byte) => byte ^ pad).buffer))).toBe(false);
    }
  });

  it.each([
    ["undefined", undefined],
    ["null", null],
    ["a parsed body", documented],
    ["an object with a length", { length: "+15550100 hello" }],
  ])("refuses %s as the body, without a word of it", (_, wrong) => {
    // @ts-expect-error not bytes
    const verify = () => verifySignature(wrong, signature, apiKey);
    expect(verify).toThrow(new TypeError("body must be a Buffer or a string"));
  });

  it("verifies bytes that are not text", () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3]);
    expect(verifySignature(bytes, signatureOf(bytes), apiKey)).toBe(true);
    expect(verifySignature(bytes.toString(), signatureOf(bytes), apiKey)).toBe(false);
  });

  it.each([undefined, "", " ", ",", "TSA", "TSA :", `TSA x:${signature}x`, "=".repeat(44)])(
    "returns false, and does not throw, for the header %p",
    (header) => {
      expect(verifySignature(body, header, apiKey)).toBe(false);
    },
  );

  it("decodes the key as TeleSign's SDK does, skipping characters that are not base64", () => {
    const key = "-A_B C\n12=";
    const decoded = "ABC12=";
    expect(verifySignature(body, signatureOf(body, decoded), key)).toBe(true);
  });

  // With a key that decodes to nothing, anyone could sign.
  it.each([
    ["", "base64"],
    ["%%%%", "base64"],
    [" ", "base64"],
    ["A", "base64"],
    [[], "at least one"],
    [[apiKey, ""], "base64"],
    [5, "string"],
  ])("refuses the API key %j", (key, reason) => {
    // @ts-expect-error some of these are not even strings
    expect(() => verifySignature(body, signature, key)).toThrow(
      new RegExp(`^apiKey must .*${reason}`),
    );
  });
});
