import { deliver, notification } from "telesign-callback/testing";

import { createReceiver } from "./support/receivers.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";

describe("the headers option of deliver", () => {
  it("adds headers to every attempt, repeats those with several values, and leaves the signature", async () => {
    const { listener, received } = createReceiver(500);
    const headers = { "X-Forwarded-For": ["192.0.2.1", "192.0.2.2"], "X-Empty": "" };
    await deliver(listener, notification(), { headers, apiKey, waits: [0] });
    expect(received).toHaveLength(2);
    for (const request of received) {
      expect(request.headers).toMatchObject({
        "x-forwarded-for": "192.0.2.1, 192.0.2.2",
        "x-empty": "",
        "content-type": "application/json",
        authorization: expect.stringMatching(/^TSA /) as unknown,
      });
      expect(request.rawHeaders.filter((name) => name === "X-Forwarded-For")).toHaveLength(2);
    }
  });

  it.each([
    ["content-type", "text/plain"],
    ["HOST", "receiver.example"],
    ["Content-Encoding", "gzip"],
    ["Authorization", "TSA wrong"],
  ])("sends %s once, in place of any default", async (name, value) => {
    const { listener, received } = createReceiver();
    await deliver(listener, notification(), { headers: { [name]: value } });
    const names = received[0]?.rawHeaders.map((header) => header.toLowerCase());
    expect(names?.filter((header) => header === name.toLowerCase())).toHaveLength(1);
    expect(received[0]?.headers).toMatchObject({ [name.toLowerCase()]: value });
  });
});

describe("deliver, given a bad argument or option", () => {
  const url = "http://127.0.0.1:9/";
  const withHeaders = (headers: unknown, more = {}) => [url, {}, { headers, ...more }] as const;

  it.each<[string, readonly [unknown, unknown, unknown?]]>([
    ["target", ["/telesign/secret", {}]],
    ["target", ["ftp://127.0.0.1/secret", {}]],
    ["target", ["xhttp://127.0.0.1/secret", {}]],
    ["target", [undefined, {}]],
    ["target", ["http://secret:x@127.0.0.1/", {}]],
    ["target", [new URL("http://:secret@127.0.0.1/"), {}]],
    ["target", ["http://%zz:secret@127.0.0.1/", {}]],
    ["notification", [url, "{}"]],
    ["notification", [url, null]],
    ["apiKey", [url, {}, { apiKey: undefined }]],
    ["apiKey", [url, {}, { apiKey: " " }]],
    ["customerId must be letters", [url, {}, { customerId: "secret key" }]],
    ["customerId", [url, {}, { apiKey, customerId: "a b" }]],
    ["^waits must be an array", [url, {}, { waits: 10 }]],
    ["waits", [url, {}, { waits: [-1] }]],
    ["waits", [url, {}, { waits: [1.5] }]],
    ["waits", [url, {}, { waits: ["5"] }]],
    ["waits", [url, {}, { waits: [0, 8.64e15 + 1] }]],
    ["timeout", [url, {}, { timeout: 0 }]],
    ["timeout", [url, {}, { timeout: Infinity }]],
    ["timeout", [url, {}, { timeout: "5" }]],
    ["path", [url, {}, { path: undefined }]],
    ["path", [url, {}, { path: "secret" }]],
    ["path", [url, {}, { path: "/secret place" }]],
    ["path", [url, {}, { path: "/secret#" }]],
    ["path", [url, {}, { path: "/geheimnisträger" }]],
    ["path", [url, {}, { path: "secret/" }]],
    ["path", [url, {}, { path: ["/secret"] }]],
    ["path", [url, {}, { path: 5 }]],
    ["pth", [url, {}, { pth: "/secret" }]],
    ["headers", withHeaders(undefined)],
    ["headers", withHeaders("X-A: secret")],
    ["headers", withHeaders([["X-A", "secret"]])],
    ["headers", withHeaders(new Map([["X-A", "secret"]]))],
    ["headers", withHeaders(new Headers({ "X-A": "secret" }))],
    ["headers", withHeaders({ "X-A": undefined })],
    ["headers", withHeaders({ "X-A": 5 })],
    ["headers", withHeaders({ "X-A": ["a", 5] })],
    ["headers", withHeaders({ "X-A": "secret\r\nX-B: b" })],
    ["headers", withHeaders({ "X-A": "secret ✓" })],
    ["headers", withHeaders({ "X-A: secret": "" })],
    ["headers", withHeaders({ "": "secret" })],
    ["Host", withHeaders({ Host: ["secret.example", "b"] })],
    ["Connection", withHeaders({ connection: "keep-alive" })],
    ["Content-Length", withHeaders({ "CONTENT-LENGTH": "2" })],
    ["Transfer-Encoding", withHeaders({ "Transfer-Encoding": "chunked" })],
    ["Trailer", withHeaders({ Trailer: "X-A" })],
    ["Authorization", withHeaders({ authorization: "secret" }, { apiKey })],
    ["X-TS-Authorization", withHeaders({ "X-TS-Authorization": "secret" }, { apiKey })],
  ])('rejects with a TypeError that says "%s" and quotes no value: case %#', async (name, args) => {
    // @ts-expect-error: what JavaScript lets through
    const error = await deliver(...args).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      name: "TypeError",
      message: expect.stringMatching(name) as unknown,
    });
    expect(String(error)).not.toMatch(/secret|geheim/);
  });
});
