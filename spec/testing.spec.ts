import { createHmac } from "node:crypto";

import { notificationSchema, verifySignature } from "telesign-callback";
import { notification, sign } from "telesign-callback/testing";

import { documented } from "./support/notifications.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const customerId = "01234567-89AB-CDEF-0123-456789ABCDEF";

describe("notification", () => {
  it("makes a notification that the package accepts", () => {
    expect(notificationSchema.validate(notification()).error).toBeUndefined();
  });

  it("returns TeleSign's example, but with a new reference and the current time", () => {
    const [one, other] = [notification(), notification()];
    expect(one.mo_reference_id).not.toBe(other.mo_reference_id);
    expect(one.mo_reference_id).toMatch(/^[0-9A-F]{32}$/);
    const { mo_reference_id, submit_timestamp } = one;
    expect(one).toEqual({ ...documented, mo_reference_id, submit_timestamp });
  });

  it("has the current time, to the microsecond and without a zone, as TeleSign writes it", () => {
    jest.useFakeTimers({ now: Date.UTC(2018, 1, 12, 14, 57, 11, 765) });
    expect(notification().submit_timestamp).toBe("2018-02-12T14:57:11.765000");
    jest.useRealTimers();
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
  it("makes both headers of TeleSign's Digest scheme", () => {
    const body = '{"mo_message":"Grüße"}';
    const key = Buffer.from(apiKey, "base64");
    const signature = createHmac("sha256", key).update(body).digest("base64");
    expect(sign(body, { apiKey, customerId })).toEqual({
      Authorization: `TSA ${customerId}:${signature}`,
      "X-TS-Authorization": signature,
    });
  });

  it.each(["Authorization", "X-TS-Authorization"] as const)(
    "makes an %s header that verifySignature accepts for the signed body and for no other",
    (header) => {
      const body = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d, 0xff]);
      const signature = sign(body, { apiKey })[header];
      expect(verifySignature(body, signature, apiKey)).toBe(true);
      expect(verifySignature(Buffer.from("{}"), signature, apiKey)).toBe(false);
    },
  );

  it.each([
    ["apiKey", { apiKey: "" }],
    ["apiKey", { apiKey: undefined }],
    [/^apiKey must be a string$/, { apiKey: [apiKey] }],
    [/^apiKey must be a string$/, { apiKey: [] }],
    ["customerId", { apiKey, customerId: "a\r\nb" }],
    ["customerId", { apiKey, customerId: 7 }],
    ["key", { apiKey, key: "" }],
  ])("throws a TypeError that names a bad %s: case %#", (name, options) => {
    // @ts-expect-error: what JavaScript lets through
    const signing = () => sign("{}", options);
    expect(signing).toThrow(TypeError);
    expect(signing).toThrow(name);
  });
});
