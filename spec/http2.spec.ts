import { execFile } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2Server,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { telesignCallback, type CallbackOptions } from "telesign-callback";

import { next } from "./support/events.js";
import { nodeProcess } from "./support/node-process.js";
import { documented } from "./support/notifications.js";

let server: Http2Server;
let session: ClientHttp2Session;

afterEach(() => {
  session.destroy();
  server.close();
});

/** Serves a callback on HTTP/2, and opens a session. Other requests are answered with their URL. */
async function serve(options: CallbackOptions = {}, before?: (req: IncomingMessage) => void) {
  const callback = telesignCallback({ path: "/t", ...options });
  callback.on("error", () => {});
  server = createServer((http2Req, http2Res) => {
    // The compatibility API: what node:http has, under other types.
    const req = http2Req as unknown as IncomingMessage;
    const res = http2Res as unknown as ServerResponse;
    before?.(req);
    callback(req, res, () => res.end(`the app's own: ${req.method} ${req.url}`));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return callback;
}

function open(method: string, path: string, headers: object = {}): ClientHttp2Stream {
  return session.request({ ":method": method, ":path": path, ...headers });
}

async function answerTo(stream: ClientHttp2Stream) {
  const errors: unknown[] = [];
  stream.on("error", (error) => errors.push(error));
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  // Not "close": Node's client delays it while a part of the request is unsent.
  const ended = once(stream, "end");
  const [headers] = (await once(stream, "response")) as [Record<string, string | number>];
  await ended;
  const body = Buffer.concat(chunks).toString();
  return { headers, status: headers[":status"], body, errors };
}

async function send(body: string, headers: object = {}) {
  const stream = open("POST", "/t", headers);
  stream.end(body);
  return answerTo(stream);
}

describe("telesignCallback on HTTP/2", () => {
  it("accepts a notification, and suppresses its retry", async () => {
    const callback = await serve();
    const message = next(callback, "message");
    const body = JSON.stringify(documented);
    expect(await send(body)).toMatchObject({ status: 200, body: '{"status":"accepted"}' });
    expect((await message)[0]).toEqual(documented);
    expect(await send(body)).toMatchObject({ status: 200, body: '{"status":"duplicate"}' });
  });

  it("passes every other request on to the next handler", async () => {
    await serve();
    const stream = open("GET", "/other");
    expect(await answerTo(stream)).toMatchObject({ body: "the app's own: GET /other" });
  });

  it("causes no rejected event when a client resets a stream in the middle of its body", async () => {
    const callback = await serve();
    const rejected = jest.fn();
    callback.on("rejected", rejected);
    const ended = endOfRequest();
    const requested = once(server, "request");
    const stream = open("POST", "/t");
    stream.on("error", () => {});
    stream.write("{");
    await requested;
    stream.destroy(new Error("the sender gave up"));
    expect(await ended).toMatchObject({ outcome: "aborted" });
    await callback.close();
    expect(rejected).not.toHaveBeenCalled();
  });
});

/** The trace of the next request that ends. */
function endOfRequest(): Promise<unknown> {
  const ends = channel("tracing:telesign-callback:request:asyncEnd");
  return new Promise((resolve) => {
    ends.subscribe(function onEnd(trace) {
      ends.unsubscribe(onEnd);
      resolve(trace);
    });
  });
}

describe("a refusal on HTTP/2", () => {
  const size = 3_000_000;
  const asItIs = () => {};
  const refusals: [string, number, CallbackOptions, object, (req: IncomingMessage) => void][] = [
    ["of an address", 403, { allowFrom: ["192.0.2.7"] }, {}, asItIs],
    ["of an encoding", 415, {}, { "content-encoding": "gzip" }, asItIs],
    ["of a body declared too large", 413, {}, { "content-length": size }, asItIs],
    ["of a body that turns out too large", 413, {}, {}, asItIs],
    ["of a body left as text", 500, {}, {}, (req) => req.setEncoding("utf8")],
  ];

  it.each(refusals)(
    "%s ends its stream without an error, and does not affect other streams",
    async (_name, status, options, headers, before) => {
      await serve(options, before);
      const warned = jest.fn();
      nodeProcess.on("warning", warned);
      const stream = open("POST", "/t", headers);
      stream.write(Buffer.alloc(size, "x"));
      const answer = await answerTo(stream);
      expect(answer).toMatchObject({ status, errors: [] });
      expect([stream.closed, stream.rstCode]).toEqual([true, constants.NGHTTP2_NO_ERROR]);
      expect(JSON.parse(answer.body)).toMatchObject({ type: "about:blank", status });
      expect(answer.headers).not.toHaveProperty("connection");
      expect(await answerTo(open("GET", "/other"))).toMatchObject({ status: 200 });
      nodeProcess.off("warning", warned);
      // Jest may have caused other warnings.
      const unsupported = expect.objectContaining({ name: "UnsupportedWarning" }) as unknown;
      expect(warned).not.toHaveBeenCalledWith(unsupported);
    },
  );

  it("after close() ends its stream without an error, and does not affect other streams", async () => {
    const callback = await serve();
    await callback.close();
    const stream = open("POST", "/t");
    stream.write("{");
    const answer = await answerTo(stream);
    expect(answer).toMatchObject({ status: 503, errors: [] });
    expect([stream.closed, stream.rstCode]).toEqual([true, constants.NGHTTP2_NO_ERROR]);
    expect(answer.headers).toMatchObject({ "retry-after": "10" });
    expect(answer.headers).not.toHaveProperty("connection");
    expect(await answerTo(open("GET", "/other"))).toMatchObject({ status: 200 });
  });

  it("leaves before a listener of rejected starts, even one that blocks the event loop", async () => {
    const program = join(__dirname, "fixtures/blocking-http2-refusal.js");
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    expect(stdout).toBe("answered\n");
  });
});
