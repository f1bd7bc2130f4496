import express from "express";
import Joi from "joi";
import request from "supertest";
import {
  notificationSchema,
  telesignCallback,
  type Delivery,
  type MessageNotification,
} from "telesign-callback";

import { next } from "./support/events.js";
import { documented, fresh } from "./support/notifications.js";

const properties = Object.keys(documented) as (keyof typeof documented)[];

/** Sends a notification to an app with these options, and returns the answer. */
const send = (body: object | string, options = {}) =>
  request(express().use(telesignCallback(options)))
    .post("/")
    .type("json")
    .send(body);

/** Sends a notification, and resolves to what its listener gets. */
async function received(body: object, options = {}): Promise<[MessageNotification, Delivery]> {
  const callback = telesignCallback(options);
  const message = next(callback, "message");
  await request(express().use(callback)).post("/").send(body).expect(200);
  return message;
}

describe("a notification", () => {
  it("costs no work of Joi if it is plainly valid", async () => {
    const app = express().use(telesignCallback());
    const joi = Object.getPrototypeOf(notificationSchema) as typeof notificationSchema;
    const validate = jest.spyOn(joi, "validate");
    const valid = { ...fresh(), from_phone_number: "+15551234", another: "property" };
    await request(app).post("/").send(valid).expect(200);
    expect(validate).not.toHaveBeenCalled();
    await request(app).post("/").send({ mo_message: "" }).expect(400);
    expect(validate).toHaveBeenCalled();
  });

  it.each(properties)("without %s is refused", async (field) => {
    const { body } = await send({ ...documented, [field]: undefined }).expect(400);
    expect(body.errors).toEqual([{ field, rule: "any.required" }]);
  });

  it.each(
    properties.flatMap((field) =>
      [null, 5, true, ["text"], { a: 1 }].map((value) => [field, value] as const),
    ),
  )("whose %s is %j is refused", async (field, value) => {
    const { body } = await send({ ...documented, [field]: value }).expect(400);
    expect(body.errors).toEqual([{ field, rule: "string.base" }]);
  });

  it.each(
    properties
      .filter((field) => field !== "mo_message")
      .flatMap((field) => [
        [field, "empty", ""],
        [field, "a space", " "],
        [field, "followed by a space", `${documented[field]} `],
        [field, "preceded by a space", ` ${documented[field]}`],
        [field, "followed by a line break", `${documented[field]}\n`],
        [field, "repeated", documented[field].repeat(4)],
        [field, "in digits other than ASCII", "١٢٣٤"],
      ]),
  )("whose %s is %s is refused", async (field, _, value) => {
    const { body } = await send({ ...documented, [field]: value }).expect(400);
    expect(body.errors).toEqual([
      { field, rule: expect.stringMatching(/^string\.(empty|pattern\.base|isoDate)$/) },
    ]);
  });

  it("gets a 400 that names all of its failing fields", async () => {
    const { body } = await send({
      ...documented,
      mo_message: 5,
      to_phone_number: "none",
      submit_timestamp: undefined,
    }).expect(400);
    expect(body.errors).toEqual([
      { field: "submit_timestamp", rule: "any.required" },
      { field: "mo_message", rule: "string.base" },
      { field: "to_phone_number", rule: "string.pattern.base" },
    ]);
  });

  it.each([
    ["one digit", "1"],
    ["TeleSign's example", "15551234"],
    ["TeleSign's example after a plus", "+15551234"],
    ["15 digits", "1".repeat(15)],
    ["15 digits after a plus", `+${"1".repeat(15)}`],
  ])("may have a phone number of this form: %s", async (_, number) => {
    await send({ ...documented, from_phone_number: number, to_phone_number: number }).expect(200);
  });

  it.each([
    ["a plus alone", "+"],
    ["two pluses", "++1"],
    ["a plus at the end", "1+"],
    ["16 digits", "1".repeat(16)],
    ["a space", "1 555"],
    ["a hyphen", "1-555"],
    ["a URI", "tel:1"],
  ])("must not have a phone number of this form: %s", async (_, number) => {
    await send({ ...documented, from_phone_number: number }).expect(400);
  });

  it.each(["0".repeat(32), "z".repeat(32), "SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N".toLowerCase()])(
    "may have the reference %s",
    async (reference) => {
      await send({
        ...documented,
        mo_reference_id: reference,
        session_reference_id: reference,
      }).expect(200);
    },
  );

  it.each(["A".repeat(31), "A".repeat(33), `${"A".repeat(31)}-`, `${"A".repeat(31)}ä`])(
    "must not have the reference %s",
    async (reference) => {
      await send({ ...documented, mo_reference_id: reference }).expect(400);
      await send({ ...documented, session_reference_id: reference }).expect(400);
    },
  );

  it.each([
    ["empty", ""],
    ["a space", " "],
    ["surrounded by spaces", "  two spaces  "],
    ["a line break", "\n"],
    ["a NUL", "\u0000"],
    ["half of a surrogate pair", "\ud800"],
    ["an emoji with a skin tone", "👋🏽"],
    ["written from right to left", "שלום"],
    ["HTML", "<img src=x onerror=alert(1)>"],
    ["the word null", "null"],
    ["60,000 characters long", "x".repeat(60_000)],
  ])("keeps its text as it is: %s", async (_, text) => {
    const [message] = await received(fresh({ mo_message: text }));
    expect(message.mo_message).toBe(text);
  });

  it.each(["null", '"text"', "5", "true", "[]"])("is a JSON object, not %s", async (body) => {
    await send(body).expect(400, {
      type: "about:blank",
      title: "Body is not a JSON object",
      status: 400,
      errors: [],
    });
  });

  it.each([
    ["constructor", null],
    ["constructor", "text"],
    ["constructor", { name: "text" }],
    ["prototype", { prototype: 1 }],
    ["carrier", { prototype: 1 }],
  ])("may have a property %s if it is not constructor.prototype: %j", async (name, value) => {
    const [message] = await received(fresh({ [name]: value }));
    expect(message[name]).toEqual(value);
  });

  it("keeps properties that TeleSign may add", async () => {
    const [message] = await received({ ...documented, carrier: { name: "any" }, parts: [1, 2] });
    expect(message).toEqual({ ...documented, carrier: { name: "any" }, parts: [1, 2] });
  });

  it("is frozen, except for nested values", async () => {
    const [message] = await received({ ...fresh(), extra: { open: 1 } });
    expect(Object.isFrozen(message)).toBe(true);
    expect(Object.isFrozen(message.extra)).toBe(false);
  });

  it("comes with a frozen delivery", async () => {
    const [, delivery] = await received(fresh());
    expect(Object.isFrozen(delivery)).toBe(true);
  });

  const reference_id = "B5862A14363C016C8832D53625270015";
  it.each([
    ["a delivery report", { reference_id, status: { code: 200 } }],
    ["an inbound SMS", { reference_id, user_response: { mo_message: "text" } }],
    ["a verification", { reference_id, verify: { code_state: "VALID" } }],
    ["a report with a sub-resource", { sub_resource: "sms" }],
  ])(
    "is distinguished, by the title, from %s of another TeleSign product",
    async (_name, report) => {
      const callback = telesignCallback();
      const rejected = next(callback, "rejected");
      const { body } = await request(express().use(callback)).post("/").send(report).expect(400);
      expect(body.title).toBe("Callback of another TeleSign product");
      expect(body.errors.map(({ field }: { field: string }) => field)).toEqual(properties);
      expect((await rejected)[0].title).toBe(body.title);
    },
  );

  it.each([
    ["no reference_id", { status: "sent" }],
    ["no status", { reference_id }],
    ["an mo_reference_id", { ...documented, mo_message: 5, status: 1, reference_id, verify: 1 }],
  ])("does not count as another TeleSign product's when it has %s", async (_name, sent) => {
    const { body } = await send(sent).expect(400);
    expect(body.title).toBe("Not a valid notification");
  });

  it("may also have the properties of other TeleSign products", async () => {
    await send({ ...documented, status: {}, reference_id, verify: {} }).expect(200);
  });
});

describe("submit_timestamp", () => {
  it.each([
    ["2018-02-12T14:57:11.765723", "2018-02-12T14:57:11.765Z"],
    ["2018-02-12 14:57:11.765723", "2018-02-12T14:57:11.765Z"],
    ["2018-02-12T14:57:11", "2018-02-12T14:57:11.000Z"],
    ["2018-02-12T14:57:11.7", "2018-02-12T14:57:11.700Z"],
    ["2018-02-12T14:57:11,7", "2018-02-12T14:57:11.700Z"],
    ["2018-02-12T14:57:11.999999999", "2018-02-12T14:57:11.999Z"],
    ["2018-02-12T14:57:11Z", "2018-02-12T14:57:11.000Z"],
    ["2018-02-12T14:57:11+05:30", "2018-02-12T09:27:11.000Z"],
    ["2018-02-12T14:57:11-0330", "2018-02-12T18:27:11.000Z"],
    ["2018-02-12 14:57:11.5+01", "2018-02-12T13:57:11.500Z"],
    ["2018-12-31T23:59:59-23:59", "2019-01-01T23:58:59.000Z"],
    ["2020-02-29T00:00:00", "2020-02-29T00:00:00.000Z"],
    ["2016-12-31T23:59:60", "2017-01-01T00:00:00.000Z"],
    ["2016-12-31 23:59:60.999999Z", "2017-01-01T00:00:00.000Z"],
    ["2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00.000Z"],
    ["2016-12-31T12:59:60-1100", "2017-01-01T00:00:00.000Z"],
    ["1969-12-31T23:59:60", "1970-01-01T00:00:00.000Z"],
  ])("%s is kept as it is, and submittedAt is %s", async (text, instant) => {
    const [message, delivery] = await received(fresh({ submit_timestamp: text }));
    expect(message.submit_timestamp).toBe(text);
    expect(delivery.submittedAt).toEqual(new Date(instant));
  });

  it.each([
    "2018",
    "2018-02-12",
    "2018-02-12T14:57",
    "20180212T145711",
    "2018-02-12t14:57:11",
    "2018-02-12T14:57:11z",
    "2018-02-30T00:00:00",
    "2019-02-29T00:00:00",
    "2018-00-01T00:00:00",
    "2018-13-01T00:00:00",
    "2018-01-00T00:00:00",
    "2018-01-32T00:00:00",
    "2018-01-01T24:00:00",
    "2018-01-01T00:60:00",
    "2018-01-01T00:00:60",
    "2018-01-01T22:59:60",
    "2018-01-01T23:58:60",
    "2018-01-01T23:59:61",
    "2018-01-01T23:59:60+05:30",
    "2018-02-29T23:59:60",
    "2018-04-31T23:59:60Z",
    "2018-02-30T23:59:60",
    "2018-03-01T05:29:60+05:31",
    "2018-02-30T05:29:60+05:30",
    "2018-01-01T00:00:00.",
    "2018-01-01T00:00:00+24:00",
    "2018-01-01T00:00:00+00:60",
    "2018-01-01  00:00:00",
    "Mon, 12 Feb 2018 14:57:11 GMT",
    "1518447431",
  ])("%s is refused", async (text) => {
    const { body } = await send({ ...documented, submit_timestamp: text }).expect(400);
    expect(body.errors).toEqual([{ field: "submit_timestamp", rule: "string.isoDate" }]);
  });
});

describe("a custom schema", () => {
  it("replaces the validation, and listeners get what it returns", async () => {
    const schema = Joi.object({
      mo_reference_id: Joi.string(),
      mo_message: Joi.string().trim().uppercase(),
    }).options({ stripUnknown: true });
    const [message, delivery] = await received(
      { ...documented, mo_message: " hello " },
      { schema },
    );
    expect(message).toEqual({ mo_reference_id: documented.mo_reference_id, mo_message: "HELLO" });
    expect(delivery.submittedAt).toBeUndefined();
  });

  it("may extend notificationSchema", async () => {
    const schema = notificationSchema.keys({ mo_message: Joi.string().max(10).required() });
    const { body } = await send(documented, { schema }).expect(400);
    expect(body.errors).toEqual([{ field: "mo_message", rule: "string.max" }]);
  });

  it("may return what it was given", async () => {
    const [message] = await received(documented, { schema: Joi.any() });
    expect(message).toEqual(documented);
  });

  it.each([
    ["no reference", Joi.object({ mo_reference_id: Joi.any().strip() }).unknown(), "any.required"],
    [
      "an empty reference",
      Joi.object({ mo_reference_id: Joi.any().custom(() => "") }).unknown(),
      "string.empty",
    ],
    [
      "a number as reference",
      Joi.object({ mo_reference_id: Joi.any().custom(() => 5) }).unknown(),
      "string.base",
    ],
  ])("that returns %s causes a 400", async (_name, schema, rule) => {
    const { body } = await send(documented, { schema }).expect(400);
    expect(body.errors).toEqual([{ field: "mo_reference_id", rule }]);
  });

  it("that has no rule for the reference does not make it optional: the answer is a 400 that names it", async () => {
    const { body } = await send({ mo_message: "text" }, { schema: Joi.any() }).expect(400);
    expect(body.errors).toEqual([{ field: "mo_reference_id", rule: "any.required" }]);
  });

  it("that alters nothing does not freeze the app's parsed body", async () => {
    const parsed: object[] = [];
    const app = express().use(
      express.json(),
      (req, _res, proceed) => {
        parsed.push(req.body as object);
        proceed();
      },
      telesignCallback({ schema: Joi.any() }),
    );
    await request(app).post("/").send(fresh()).expect(200);
    expect(parsed.map((body) => Object.isFrozen(body))).toEqual([false]);
  });

  it.each([
    ["text", Joi.any().custom(() => "text")],
    ["null", Joi.any().custom(() => null)],
    ["undefined", Joi.any().empty(Joi.object())],
  ])("that returns %s causes a 400 that names no field", async (_name, schema) => {
    const { body } = await send(documented, { schema }).expect(400);
    expect(body.errors).toEqual([]);
  });

  it("names its own fields, including nested ones, and none that the sender invented", async () => {
    const schema = Joi.object({
      mo_reference_id: Joi.string().required(),
      carrier: Joi.object({ code: Joi.number() }),
      parts: Joi.array().items(Joi.number()),
      labels: Joi.object().pattern(Joi.string(), Joi.number()),
    });
    const { body } = await send(
      {
        mo_reference_id: "R",
        carrier: { code: "x" },
        parts: [1, "x"],
        labels: { "<b>": "x" },
        "<script>": 1,
        "15551234": 1,
      },
      { schema },
    ).expect(400);
    expect(body.errors).toEqual([
      { field: "carrier.code", rule: "number.base" },
      { field: "parts.1", rule: "number.base" },
      { field: "(unknown)", rule: "number.base" },
      { field: "(unknown)", rule: "object.unknown" },
    ]);
  });

  it("may fail as a whole, and then names no field", async () => {
    const schema = Joi.object({ mo_reference_id: Joi.string(), a: Joi.any(), b: Joi.any() })
      .unknown()
      .or("a", "b");
    const { body } = await send(documented, { schema }).expect(400);
    expect(body.errors).toEqual([]);
  });

  it.each([
    [
      "throws",
      Joi.object({
        mo_message: Joi.number().error(([{ local } = { local: {} }]) => {
          throw new Error(String(local));
        }),
      }).unknown(),
    ],
    [
      "hides a rule that is not synchronous",
      Joi.object({ a: Joi.link("#hidden") })
        .shared(
          Joi.any()
            .external(() => {})
            .id("hidden"),
        )
        .unknown(),
    ],
  ])("that %s causes a 400 that names no field", async (_name, schema) => {
    const callback = telesignCallback({ schema });
    const rejected = next(callback, "rejected");
    const { body } = await request(express().use(callback))
      .post("/")
      .send({ ...documented, a: 1 })
      .expect(400);
    expect(body.errors).toEqual([]);
    expect((await rejected)[0].body).toBeInstanceOf(Buffer);
  });

  it.each([
    ["no details", undefined, []],
    ["details without a path", [{ type: "any.custom" }], []],
    [
      "details without a type",
      [{ path: ["mo_reference_id"] }],
      [{ field: "mo_reference_id", rule: "" }],
    ],
  ])("may throw a Joi error that has %s", async (_, details, errors) => {
    // @ts-expect-error what JavaScript lets through
    const failure = new Joi.ValidationError("15551234", details, {});
    const schema = Joi.object({ mo_reference_id: Joi.number().error(failure) }).unknown();
    const { body } = await send(documented, { schema }).expect(400);
    expect(body.errors).toEqual(errors);
  });

  it("may throw its own error, which the answer does not repeat", async () => {
    const schema = Joi.object({
      mo_reference_id: Joi.number().error(new Error("15551234")),
    }).unknown();
    const { text } = await send(documented, { schema }).expect(400);
    expect(text).not.toContain("15551234");
  });
});
