import { createHmac } from "node:crypto";
import { inspect } from "node:util";

import express from "express";
import Joi from "joi";
import {
  memoryInbox,
  notificationSchema,
  telesignCallback,
  TelesignCallbackError,
  type CallbackOptions,
  type Inbox,
  type TelesignCallback,
} from "telesign-callback";

import { nodeProcess } from "./support/node-process.js";
import { fresh } from "./support/notifications.js";
import { exchange, listen, post } from "./support/wire.js";

const SECRETS = {
  "the sender's number": "15550104477",
  "the recipient's number": "15550108899",
  "the text": "meet me at the old mill",
  "the API key": "cHJpdmF0ZS1rZXktb2YtdGhpcy1zcGVjLW9ubHktMDEyMzQ1Njc4OQ==",
  "the private path": "9d1c7e-secret-door",
  "a property that the sender invented": "invented-by-the-sender",
};
const API_KEY = SECRETS["the API key"];
const PATH = `/${SECRETS["the private path"]}`;

const message = (overrides: object = {}) =>
  fresh({
    from_phone_number: SECRETS["the sender's number"],
    to_phone_number: SECRETS["the recipient's number"],
    mo_message: SECRETS["the text"],
    [SECRETS["a property that the sender invented"]]: SECRETS["the text"],
    ...overrides,
  });

const sign = (body: string) =>
  createHmac("sha256", Buffer.from(API_KEY, "base64")).update(body).digest("base64");

/** Everything that was said: in answers, in events as printed, and on the standard streams. */
let said: string[] = [];

beforeEach(() => {
  said = [];
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    jest.spyOn(console, method).mockImplementation((...args: unknown[]) => {
      said.push(args.map((arg) => inspect(arg)).join(" "));
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, "write").mockImplementation((chunk) => {
      said.push(String(chunk));
      return true;
    });
  }
  nodeProcess.on("warning", hearWarning);
});
afterEach(() => {
  nodeProcess.off("warning", hearWarning);
  jest.restoreAllMocks();
});

function hearWarning(warning: Error) {
  said.push(inspect(warning));
}

/** Notes a value in every way in which a program may print it. */
function hear(thing: unknown) {
  said.push(inspect(thing, { depth: Infinity }), String(thing), JSON.stringify(thing));
  if (thing instanceof Error) said.push(thing.message, String(thing.stack));
}

function listenTo(callback: TelesignCallback) {
  const heard = { rejected: 0, error: 0 };
  callback.on("rejected", (rejection) => {
    heard.rejected += 1;
    hear(rejection);
  });
  callback.on("error", (error) => {
    heard.error += 1;
    hear(error);
  });
  return heard;
}

/** Delivers and notes the answer. */
async function deliver(
  callback: TelesignCallback,
  body: string | Buffer,
  { headers = [], before = [] }: { headers?: string[]; before?: express.RequestHandler[] } = {},
): Promise<number> {
  const app = express();
  for (const middleware of before) app.use(middleware);
  const { port } = await listen(app.use(callback));
  const answer = await exchange(port, post(PATH, body, headers));
  said.push(answer);
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}

function expectNothingTold() {
  const everything = said.join("\n");
  expect(everything).not.toBe("");
  for (const [what, secret] of Object.entries(SECRETS)) {
    // As it is, and as it would be in a Buffer that is printed.
    const hex = Buffer.from(secret).toString("hex").match(/../g)?.join(" ") ?? "";
    expect({ what, isTold: everything.includes(secret) }).toEqual({ what, isTold: false });
    expect({ what, isTold: everything.includes(hex.slice(0, 23)) }).toEqual({
      what,
      isTold: false,
    });
  }
}

const text = (overrides?: object) => JSON.stringify(message(overrides));

interface Refused {
  status: number;
  body: string | Buffer;
  options?: CallbackOptions;
  headers?: string[];
  before?: express.RequestHandler[];
}

const strictest = Joi.object({
  mo_reference_id: Joi.string().required(),
  mo_message: Joi.string().custom(() => {
    throw new Error(SECRETS["the text"]);
  }),
});

const refused: Record<string, Refused> = {
  "an address not allowed": { status: 403, body: text(), options: { allowFrom: ["192.0.2.1"] } },
  "an encoding": { status: 415, body: text(), headers: [`Content-Encoding: ${API_KEY}`] },
  "too large a body": { status: 413, body: text(), options: { maxBodySize: 10 } },
  "a body consumed before": {
    status: 500,
    body: text(),
    before: [express.json()],
    options: { apiKey: API_KEY },
  },
  "a missing signature": { status: 401, body: text(), options: { apiKey: API_KEY } },
  "a wrong signature": {
    status: 401,
    body: text(),
    options: { apiKey: API_KEY },
    headers: [`X-TS-Authorization: ${sign("another body")}`, `Authorization: TSA x:${API_KEY}`],
  },
  "broken JSON": { status: 400, body: text().slice(0, -2) },
  "text that is not UTF-8": {
    status: 400,
    body: Buffer.concat([Buffer.from(text()), Buffer.from([0xff])]),
  },
  "an array": { status: 400, body: `[${text()}]` },
  "the key __proto__": { status: 400, body: text().replace("{", '{"__proto__":{"a":1},') },
  "wrong numbers": {
    status: 400,
    body: text({
      from_phone_number: `x${SECRETS["the sender's number"]}`,
      to_phone_number: `${SECRETS["the recipient's number"]}00000000`,
    }),
  },
  "a wrong text and references": {
    status: 400,
    body: text({
      mo_message: [SECRETS["the text"]],
      mo_reference_id: SECRETS["the text"],
      session_reference_id: SECRETS["the text"],
      submit_timestamp: SECRETS["the text"],
    }),
  },
  "unknown properties, by a strict schema": {
    status: 400,
    body: text(),
    options: { schema: notificationSchema.unknown(false) },
  },
  "a text, by a schema that throws it": {
    status: 400,
    body: text(),
    options: { schema: strictest.unknown() },
  },
  "an old notification": { status: 400, body: text(), options: { maxAge: 70_000 } },
};

describe("telesignCallback reveals no number, text, key or path", () => {
  it.each(Object.entries(refused))("when it refuses %s", async (_name, request) => {
    const callback = telesignCallback({ path: PATH, ...request.options });
    const heard = listenTo(callback);
    const { body, headers = [], before = [] } = request;
    expect(await deliver(callback, body, { headers, before })).toBe(request.status);
    await callback.close();
    expect(heard.rejected).toBe(1);
    expectNothingTold();
  });

  it("when it refuses a request after close()", async () => {
    const callback = telesignCallback({ path: PATH });
    listenTo(callback);
    await callback.close();
    expect(await deliver(callback, text())).toBe(503);
    expectNothingTold();
  });

  it("when it accepts a message, and a retry of it", async () => {
    const callback = telesignCallback({ path: PATH, apiKey: API_KEY });
    const listener = jest.fn();
    callback.onMessage(listener);
    const body = text();
    const headers = [`X-TS-Authorization: ${sign(body)}`];
    expect(await deliver(callback, body, { headers })).toBe(200);
    expect(await deliver(callback, body, { headers })).toBe(200);
    await callback.close();
    expect(listener).toHaveBeenCalledTimes(1);
    expectNothingTold();
  });

  it.each([true, false])(
    "when a listener fails (somebody listens to errors: %s)",
    async (isHeard) => {
      const callback = telesignCallback({ path: PATH });
      callback.onMessage(() => Promise.reject(new RangeError("the user's own words")));
      const heard = isHeard ? listenTo(callback) : undefined;
      expect(await deliver(callback, text())).toBe(200);
      await callback.close();
      expect(heard?.error ?? 1).toBe(1);
      expect(said.join("\n")).toContain("ERR_LISTENER");
      expectNothingTold();
    },
  );

  it.each([true, false])(
    "when nobody listens to messages (somebody listens to errors: %s)",
    async (isHeard) => {
      const callback = telesignCallback({ path: PATH });
      if (isHeard) listenTo(callback);
      expect(await deliver(callback, text())).toBe(200);
      await callback.close();
      expect(said.join("\n")).toContain("ERR_NO_LISTENER");
      expectNothingTold();
    },
  );

  it.each([true, false])(
    "when the inbox fails (somebody listens to errors: %s)",
    async (isHeard) => {
      // Engines put the command into their errors in this way.
      const trouble = (given: unknown) =>
        Object.assign(new Error(JSON.stringify(given)), { code: "EREDIS", command: given });
      let report: (error: Error) => void = () => {};
      const inbox: Inbox = {
        accept: (given) => Promise.reject(trouble(given)),
        consume: () => () => Promise.reject(trouble(message())),
        onError: (listener) => (report = listener),
        close: () => Promise.reject(trouble(message())),
      };
      const callback = telesignCallback({ path: PATH, inbox });
      const unsubscribe = callback.onMessage(() => {});
      if (isHeard) listenTo(callback);
      expect(await deliver(callback, text())).toBe(200);
      report(trouble(message()));
      unsubscribe();
      await callback.close();
      expect(said.join("\n").match(/ERR_INBOX/g)?.length).toBeGreaterThanOrEqual(4);
      expectNothingTold();
    },
  );

  it("when close() runs out of time", async () => {
    const callback = telesignCallback({ path: PATH });
    callback.onMessage(() => new Promise(() => {}));
    listenTo(callback);
    expect(await deliver(callback, text())).toBe(200);
    await callback.close({ timeout: 10 });
    expect(said.join("\n")).toContain("ERR_LISTENER");
    expectNothingTold();
  });

  it("when an error of the package carries a notification", () => {
    hear(new TelesignCallbackError("ERR_DEAD_LETTER", "given up", { notification: message() }));
    expectNothingTold();
  });

  const badOptions: Record<string, unknown>[] = [
    { path: SECRETS["the private path"] },
    { path: `${PATH}#${API_KEY}` },
    { apiKey: [API_KEY, ""] },
    { apiKey: { key: API_KEY } },
    { allowFrom: [SECRETS["the sender's number"]] },
    { maxAge: SECRETS["the sender's number"] },
    { maxBodySize: SECRETS["the recipient's number"] },
    { schema: SECRETS["the text"] },
    { inbox: SECRETS["the text"] },
    { onMessage: SECRETS["the text"] },
  ];
  it.each(badOptions.map((options) => [Object.keys(options).join(), options]))(
    "when the option %s is bad",
    (_name, options) => {
      try {
        telesignCallback(options);
      } catch (error) {
        hear(error);
      }
      expectNothingTold();
    },
  );

  it("when an inbox's option is bad", () => {
    expect(() => memoryInbox({ max: Number(SECRETS["the sender's number"]) })).toThrow(TypeError);
    try {
      memoryInbox({ max: Number(SECRETS["the sender's number"]) });
    } catch (error) {
      hear(error);
    }
    expectNothingTold();
  });
});
