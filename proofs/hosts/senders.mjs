import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

import { sendThenRead } from "./late-reader.mjs";

const PATIENCE = 15_000;

/**
 * Makes the function that sends a request over HTTP/1.1 and resolves to the whole answer. It
 * rejects if the connection breaks before the whole answer has arrived. A request may set
 * `isReadLate`: see `sendThenRead`.
 *
 * @param {number} port where, on 127.0.0.1
 * @param {{ from?: string, proxied?: string }} [options] the sender's own address, and the address
 *   that a PROXY protocol header names
 */
export function http1(port, { from = "127.0.0.1", proxied } = {}) {
  const open = () =>
    proxied ? greet(port, proxied) : connect({ port, host: "127.0.0.1", localAddress: from });
  return ({ method, path, headers: given = {}, body = "", isReadLate = false }) =>
    new Promise((resolve, reject) => {
      const length = method === "GET" ? {} : { "Content-Length": Buffer.byteLength(body) };
      const headers = { Host: `127.0.0.1:${port}`, ...given, ...length };
      if (isReadLate) return resolve(sendThenRead(open(), { method, path, headers, body }));
      const settings = { host: "127.0.0.1", port, method, path, timeout: PATIENCE };
      const own = proxied ? { createConnection: open } : { localAddress: from };
      const req = request({ ...settings, ...own, headers }, (res) => {
        const chunks = [];
        res.on("data", (chunk) => chunks.push(chunk));
        res.on("end", () => resolve(answerOf(res.statusCode, res.headers, chunks)));
        res.on("error", reject);
      });
      req.on("timeout", () => req.destroy(new Error("no answer in 15 s")));
      // After the answer, an error changes nothing.
      req.on("error", reject);
      req.end(body);
    });
}

/** A connection that begins like one from a load balancer that speaks the PROXY protocol. */
function greet(port, address) {
  const socket = connect(port, "127.0.0.1");
  socket.write(`PROXY TCP4 ${address} 127.0.0.1 40000 443\r\n`);
  return socket;
}

/** Makes the function that sends a request over HTTP/2, as `http1` does over HTTP/1.1. */
export function http2(origin, { from = "127.0.0.1" } = {}) {
  return ({ method, path, headers = {}, body = "" }) =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(origin, { rejectUnauthorized: false, localAddress: from });
      session.on("error", reject);
      session.setTimeout(PATIENCE, () => session.destroy(new Error("no answer in 15 s")));
      const stream = session.request({ ":method": method, ":path": path, ...headers });
      const chunks = [];
      let head = {};
      stream.on("response", (received) => (head = received));
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => {
        session.close();
        resolve(answerOf(head[":status"], head, chunks));
      });
      if (method !== "GET") stream.end(body);
    });
}

function answerOf(status, headers, chunks) {
  const body = Buffer.concat(chunks);
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== body.length)
    throw new Error("the answer is cut off");
  return { status, headers, body: body.toString() };
}
