import { randomBytes } from "node:crypto";

import { createEncryption } from "../lib/inbox/durable/encryption.js";
import { createStoredForm } from "../lib/inbox/durable/stored-notification.js";
import { carrierOf, carry } from "../lib/tracing.js";
import { freshDelivery, freshNotification } from "./support/inbox-contract.js";

const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };

function tracedDelivery() {
  const delivery = freshDelivery();
  carry(delivery, { carrier: trace });
  return delivery;
}

/** A stored form as an engine returns it. */
function copy(stored: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(stored));
}

describe.each([
  ["plain", undefined],
  ["encrypted", randomBytes(32)],
])("The stored form of a notification, %s", (_, key) => {
  const form = createStoredForm(key);

  it.each([
    ["a plain text", {}],
    ["U+0000 and a lone surrogate", { mo_message: "\u0000\ud83d" }],
    [
      "a reference of unusual characters",
      { mo_reference_id: `odd \u0000\ud83d ${"x".repeat(200)}` },
    ],
    ["properties that TeleSign adds", { carrier: { hops: [1, 2] } }],
  ])("returns a notification with %s unchanged", (__, overrides) => {
    const message = freshNotification(overrides);
    const delivery = tracedDelivery();
    const read = form.read(copy(form.write(message, delivery)), 3);
    expect(read).toEqual({ message, delivery: { ...delivery, attempt: 3 } });
    if (!("delivery" in read)) throw new Error("it was not read");
    expect(carrierOf(read.delivery)).toEqual(trace);
  });

  it("returns a delivery whose time of sending is unknown", () => {
    const delivery = { ...freshDelivery(), submittedAt: undefined };
    const read = form.read(copy(form.write(freshNotification(), delivery)), 1);
    expect(read).toEqual({ message: expect.anything(), delivery });
  });

  it("recognises a notification that a newer release stored", () => {
    const stored = { ...copy(form.write(freshNotification(), freshDelivery())), v: 3 };
    expect(form.read(stored, 1)).toEqual({ unreadable: "newer" });
  });

  it.each([
    ["nothing", null],
    ["a text", "text"],
    ["an array", []],
    ["an object without a version", {}],
    ["a version that is not a number", { v: "one" }],
    ["a plain form without content", { v: 1 }],
    ["an encrypted form without a reference", { v: 2, sealed: "" }],
    ["a version below the first", { v: 0 }],
    ["an encrypted form without content", { v: 2, reference: "x" }],
  ])("counts as damaged when it is read from %s", (__, stored) => {
    expect(form.read(stored, 1)).toEqual({ unreadable: "damaged" });
  });
});

describe("The plain stored form", () => {
  const form = createStoredForm();
  const message = freshNotification();
  const stored = copy(form.write(message, tracedDelivery()));

  it.each([
    ["trace is not an object", "text"],
    ["trace is null", null],
    ["trace holds no strings", { traceparent: 7 }],
  ])("is read without its trace if the %s", (_, damaged) => {
    const read = form.read({ ...stored, trace: damaged }, 1);
    if (!("delivery" in read)) throw new Error("it was not read");
    expect(read.message).toEqual(message);
    expect(carrierOf(read.delivery)).toEqual({});
  });

  it.each([
    ["text that is not JSON", { notification: "{" }],
    ["a message that is not an object", { notification: "7" }],
    ["a message that is null", { notification: "null" }],
    ["a message without a reference", { notification: "{}" }],
    ["a message with an empty reference", { notification: '{"mo_reference_id":""}' }],
    ["a notification that is not a string", { notification: {} }],
    ["another notification's reference", { reference: freshNotification().mo_reference_id }],
    ["no time of arrival", { receivedAt: undefined }],
    ["an impossible time of arrival", { receivedAt: 1e300 }],
    ["a time of sending that is not a number", { submittedAt: "yesterday" }],
    ["no reference", { reference: undefined }],
  ])("counts as damaged if it has %s", (_, damage) => {
    expect(form.read({ ...stored, ...damage }, 1)).toEqual({ unreadable: "damaged" });
  });
});

describe("encryptionKey", () => {
  const [current, former, stranger] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const message = freshNotification();

  function write(key: Buffer) {
    return copy(createStoredForm(key).write(message, tracedDelivery()));
  }

  it("leaves nothing but the version and the reference in the clear", () => {
    const stored = write(current);
    expect(Object.keys(stored)).toEqual(["v", "reference", "sealed"]);
    const bytes = Buffer.from(stored.sealed as string, "base64").toString("latin1");
    for (const word of [message.mo_message, message.from_phone_number, trace.traceparent]) {
      expect(bytes).not.toContain(word);
    }
  });

  it("encrypts the same notification differently each time", () => {
    expect(write(current).sealed).not.toBe(write(current).sealed);
  });

  it("encrypts with the first of several keys, and decrypts with all", () => {
    const rotated = createStoredForm([current.toString("base64"), former]);
    expect(rotated.read(write(former), 1)).toMatchObject({ message });
    const stored = copy(rotated.write(message, freshDelivery()));
    expect(createStoredForm(current).read(stored, 1)).toMatchObject({ message });
    expect(createStoredForm(former).read(stored, 1)).toEqual({ unreadable: "locked" });
  });

  it("reads notifications that were stored before there was a key", () => {
    const stored = copy(createStoredForm().write(message, freshDelivery()));
    expect(createStoredForm(current).read(stored, 1)).toMatchObject({ message });
  });

  it.each([
    ["without a key", createStoredForm(), {}],
    ["with other keys only", createStoredForm([former, stranger]), {}],
    ["under another reference", createStoredForm(current), { reference: "x" }],
    ["once its content is truncated", createStoredForm(current), { sealed: "AAAA" }],
  ])("reports a notification as locked %s", (_, form, damage) => {
    expect(form.read({ ...write(current), ...damage }, 1)).toEqual({ unreadable: "locked" });
  });

  it("reports a notification as damaged if its decrypted content has another shape", () => {
    const reference = message.mo_reference_id;
    const sealed = createEncryption(current).seal("{}", reference);
    const read = createStoredForm(current).read({ v: 2, reference, sealed }, 1);
    expect(read).toEqual({ unreadable: "damaged" });
  });

  it.each([
    ["an empty text", ""],
    [
      "a text of 32 characters, which is not base64 of 32 bytes",
      "0123456789abcdef0123456789abcdef",
    ],
    ["hexadecimal", randomBytes(32).toString("hex")],
    ["base64 with a line break", `${randomBytes(32).toString("base64")}\n`],
    ["a Buffer of 16 bytes", randomBytes(16)],
    ["a number", 7],
    ["an empty list of keys", []],
    ["a bad key among good ones", [randomBytes(32), "bad"]],
  ])("refuses %s, and does not repeat it", (_, key) => {
    let refusal: unknown;
    try {
      createStoredForm(key as string);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(/^encryptionKey must (be 32 bytes, as|hold at least one key)/),
    });
  });
});
