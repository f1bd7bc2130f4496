import { once } from "node:events";

import express from "express";
import * as fc from "fast-check";
import {
  memoryInbox,
  notificationSchema,
  telesignCallback,
  verifySignature,
} from "telesign-callback";
import { createHmac } from "node:crypto";

import { documented, fresh } from "./support/notifications.js";
import { dial, exchange, listen, post, received } from "./support/wire.js";

// Each spec makes many requests, on machines that may be busy.
jest.setTimeout(60_000);

const API_KEY = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";

const sign = (body: string | Buffer) =>
  createHmac("sha256", Buffer.from(API_KEY, "base64")).update(body).digest("base64");

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

/** A receiver for many requests, which keeps its messages and errors. */
async function receiver(options: Parameters<typeof telesignCallback>[0] = {}) {
  const callback = telesignCallback(options);
  const delivered: unknown[] = [];
  const errors: unknown[] = [];
  callback.onMessage((message) => delivered.push(message));
  callback.on("error", (error) => errors.push(error));
  const { port } = await listen(express().use(callback));
  return { callback, delivered, errors, port };
}

describe("telesignCallback, whatever is sent to it", () => {
  it("answers any JSON value with 200 if it passes the schema, and otherwise with 400", async () => {
    const { port, delivered, errors } = await receiver();
    const property = fc.oneof(
      fc.json(),
      notificationLike().map((value) => JSON.stringify(value)),
    );
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(property, async (body) => {
        const answer = await exchange(port, post("/", body));
        const isValid = isNotification(JSON.parse(body));
        if (answer.includes('"accepted"')) accepted += 1;
        expect(statusOf(answer)).toBe(isValid ? 200 : 400);
      }),
      { numRuns: 100 },
    );
    expect(delivered).toHaveLength(accepted);
    expect(errors).toEqual([]);
  });

  it("refuses with 400 any bytes that are not a notification", async () => {
    const { port, delivered } = await receiver();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(statusOf(await exchange(port, post("/", Buffer.from(bytes))))).toBe(400);
      }),
      { numRuns: 100 },
    );
    expect(delivered).toEqual([]);
  });

  it("accepts any set of headers, and requires none", async () => {
    const { port, errors } = await receiver();
    const name = fc.constantFrom("Content-Type", "Authorization", "X-TS-Authorization", "X-Any");
    // Visible characters, and bytes above ASCII.
    const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]{0,40}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value)), async (headers) => {
        const lines = headers.map((pair) =>
          Buffer.from(pair.join(": "), "latin1").toString("latin1"),
        );
        const answer = await exchange(port, post("/", JSON.stringify(fresh()), lines));
        expect(statusOf(answer)).toBe(200);
      }),
      { numRuns: 100 },
    );
    expect(errors).toEqual([]);
  });
});

describe("telesignCallback with an API key", () => {
  it("refuses every request whose body differs from what was signed", async () => {
    const { port, delivered } = await receiver({ apiKey: API_KEY });
    const body = Buffer.from(JSON.stringify(documented));
    const change = fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([position, difference]) => {
        const changed = Buffer.from(body);
        changed.writeUInt8((changed.readUInt8(position) + difference) % 256, position);
        const headers = [`X-TS-Authorization: ${sign(body)}`];
        expect(statusOf(await exchange(port, post("/", changed, headers)))).toBe(401);
      }),
      { numRuns: 100 },
    );
    expect(delivered).toEqual([]);
  });

  it("verifies no signature in which a character was changed", () => {
    const body = JSON.stringify(documented);
    const signature = sign(body);
    const change = fc.tuple(
      fc.nat(signature.length - 1),
      fc.string({ minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(change, ([position, character]) => {
        const changed = signature.slice(0, position) + character + signature.slice(position + 1);
        // The last character before the padding has four spellings of the same bits.
        const isSame = Buffer.from(changed, "base64").equals(Buffer.from(signature, "base64"));
        fc.pre(!isSame);
        expect(verifySignature(body, changed, API_KEY)).toBe(false);
      }),
    );
  });
});

describe("telesignCallback, for any interleaving of deliveries and retries", () => {
  it("answers accepted once for each reference, and hands each message over once, in order of arrival", async () => {
    // A few references, so that most deliveries are retries, some of them in the same packet.
    const packets = fc.array(fc.array(fc.nat(5), { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(packets, async (conversation) => {
        const { port, callback, delivered } = await receiver({ inbox: memoryInbox({ max: 10 }) });
        const messages = Array.from({ length: 6 }, () => fresh());
        const expected = conversation.flat().map((index) => messages[index]);
        const model = [...new Set(expected)];

        const socket = await dial(port);
        const answers = received(socket);
        for (const packet of conversation) {
          const requests = packet.map((index) => pipelined(JSON.stringify(messages[index])));
          socket.write(Buffer.concat(requests));
          await new Promise((resolve) => setImmediate(resolve));
        }
        socket.write("GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        const outcomes = [...(await answers).matchAll(/"status":"(\w+)"/g)].map(([, word]) => word);

        expect(outcomes).toEqual(
          expected.map((message, index) =>
            expected.indexOf(message) === index ? "accepted" : "duplicate",
          ),
        );
        expect(delivered).toEqual(model);
        await callback.close();
      }),
      { numRuns: 25 },
    );
  });

  it("hands each answered message over once, even if other clients hang up in between", async () => {
    const deliveries = fc.array(fc.record({ index: fc.nat(3), isCut: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(deliveries, async (conversation) => {
        const { port, callback, delivered } = await receiver();
        const messages = Array.from({ length: 4 }, () => fresh());
        const answered = new Set<unknown>();
        await Promise.all(
          conversation.map(async ({ index, isCut }) => {
            const request = post("/", JSON.stringify(messages[index]));
            if (!isCut) {
              const answer = await exchange(port, request);
              expect(statusOf(answer)).toBe(200);
              answered.add(messages[index]);
              return;
            }
            const socket = await dial(port);
            socket.write(request.subarray(0, -1));
            socket.resetAndDestroy();
            if (!socket.closed) await once(socket, "close");
          }),
        );
        await callback.close();
        expect(new Set(delivered)).toEqual(answered);
        expect(delivered).toHaveLength(answered.size);
      }),
      { numRuns: 15 },
    );
  });
});

/** One of several requests on a connection. */
function pipelined(body: string): Buffer {
  const request = post("/", body).toString("latin1");
  return Buffer.from(request.replace("Connection: close\r\n", ""), "latin1");
}

/** Objects with the documented properties: some are valid, some missing, some of another type. */
function notificationLike() {
  const reference = fc.constantFrom(documented.mo_reference_id, "short", 5);
  const phone = fc.constantFrom("15551234", "+15551234", "1".repeat(16), "", null);
  return fc.record(
    {
      submit_timestamp: fc.constantFrom("2018-02-12T14:57:11.765723", "2018-02-30T14:57:11", ""),
      from_phone_number: phone,
      mo_message: fc.oneof(fc.string(), fc.constant(7)),
      mo_reference_id: reference,
      session_reference_id: reference,
      to_phone_number: phone,
      more: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
}

function isNotification(value: unknown): boolean {
  if (JSON.stringify(value).includes("__proto__")) return false;
  return notificationSchema.validate(value).error === undefined;
}
