import { runInNewContext } from "node:vm";

import Joi from "joi";
import { memoryInbox, telesignCallback } from "telesign-callback";

const secret = "s3cr3t";
const bad: [string, unknown][] = [
  ["path", ""],
  ["path", secret],
  ["path", `a/${secret}`],
  ["path", `/${secret}?a`],
  ["path", `/${secret}#a`],
  ["path", `/${secret} a`],
  ["path", `/${secret}\n`],
  ["path", `/${secret}ä`],
  ["path", new RegExp(secret)],
  ["path", null],
  ["path", 5],
  ["path", undefined],
  ["apiKey", ""],
  ["apiKey", "%%%%"],
  ["apiKey", []],
  ["apiKey", [secret, ""]],
  ["apiKey", [secret, undefined]],
  ["apiKey", 5],
  ["apiKey", null],
  ["apiKey", undefined],
  ["apiKey", Object.assign([], { 1: secret })],
  ["allowFrom", []],
  ["allowFrom", "192.0.2.7"],
  ["allowFrom", [secret]],
  ["allowFrom", ["192.0.2.7", ""]],
  ["allowFrom", ["192.0.2.0/33"]],
  ["allowFrom", ["2001:db8::/129"]],
  ["allowFrom", ["192.0.2.0/"]],
  ["allowFrom", ["192.0.2.0/-1"]],
  ["allowFrom", ["192.0.2.0/24/8"]],
  ["allowFrom", ["/192.0.2.7"]],
  ["allowFrom", ["%eth0/192.0.2.0/24"]],
  ["allowFrom", ["192.0.2"]],
  ["allowFrom", ["fe80::1%eth0"]],
  ["allowFrom", [5]],
  ["allowFrom", [undefined]],
  ["allowFrom", undefined],
  ["allowFrom", [["192.0.2.7"]]],
  ["allowFrom", [Object.create(null)]],
  ["maxBodySize", 0],
  ["maxBodySize", -1],
  ["maxBodySize", 1.5],
  ["maxBodySize", NaN],
  ["maxBodySize", 2 ** 31],
  ["maxBodySize", Infinity],
  ["maxBodySize", "100kb"],
  ["maxBodySize", undefined],
  ["maxAge", 0],
  ["maxAge", 60_000],
  ["maxAge", "600000"],
  ["maxAge", Infinity],
  ["maxAge", NaN],
  ["maxAge", undefined],
  ["schema", {}],
  ["schema", null],
  ["schema", secret],
  ["schema", undefined],
  ["schema", { [Symbol.for("@hapi/joi/schema")]: { version: "1.0.0" } }],
  ["schema", Joi.object({ mo_message: Joi.string().external(() => {}) })],
  ["inbox", {}],
  ["inbox", null],
  ["inbox", secret],
  ["inbox", undefined],
  ["inbox", { ...memoryInbox(), close: undefined }],
  ["inbox", { ...memoryInbox(), accept: 5 }],
  ["onMessage", secret],
  ["onMessage", null],
  ["onMessage", undefined],
];

describe("telesignCallback", () => {
  it.each(bad.map(([name, value], index) => [index, name, value] as const))(
    "refuses bad option %i at once, names it (%s) and quotes no value",
    (_index, name, value) => {
      const make = () => telesignCallback({ [name]: value });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(new RegExp(`^${name}(\\[\\d\\])? (must|is) `));
      expect(make).not.toThrow(secret);
    },
  );

  it.each([
    ["null", null],
    ["text", "options"],
    ["an array", []],
    ["a promise that nobody awaited", Promise.resolve({ apiKey: secret })],
    ["a Map", new Map([["apiKey", secret]])],
    ["an object that inherits its options", Object.create({ apiKey: secret })],
    [
      "an instance of a class",
      new (class {
        get apiKey() {
          return undefined;
        }
      })(),
    ],
  ])("refuses %s as options, so that no guard is ignored", (_name, options) => {
    expect(() => telesignCallback(options as object)).toThrow(/^options must be a plain object$/);
  });

  it("accepts options without a prototype, and those of another realm", () => {
    expect(() => telesignCallback(Object.assign(Object.create(null) as object))).not.toThrow();
    expect(() => telesignCallback(runInNewContext("({})") as object)).not.toThrow();
  });

  it("refuses an unknown option and names the known ones", () => {
    // @ts-expect-error misspelt
    expect(() => telesignCallback({ apikey: secret })).toThrow(
      "unknown option apikey; the options are path, apiKey, allowFrom, maxBodySize, maxAge, schema, inbox, onMessage",
    );
  });

  it("accepts an inbox once: two callbacks cannot share one", () => {
    const inbox = memoryInbox();
    // A callback that could not be made does not count.
    // @ts-expect-error not a function
    expect(() => telesignCallback({ inbox, onMessage: 5 })).toThrow(TypeError);
    telesignCallback({ inbox });
    expect(() => telesignCallback({ inbox })).toThrow(/^inbox belongs to another callback/);
  });

  it("accepts all valid options, and does not change the object", () => {
    const options = Object.freeze({
      path: "/a",
      apiKey: ["c2VjcmV0"],
      allowFrom: ["192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "::/0"],
      maxBodySize: 2 ** 31 - 1,
      maxAge: 60_001,
      schema: Joi.object(),
      inbox: Object.freeze(memoryInbox({ max: 1, ttl: 1 })),
      onMessage: () => {},
    });
    expect(() => telesignCallback(options)).not.toThrow();
  });
});
