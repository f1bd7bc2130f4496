// One point of growth.mjs, in a process of its own: what a request costs inside the package, no
// network around it.
import { telesignCallback } from "telesign-callback";

import { API_KEY, bodyOf, PATH, signatureHeaders } from "./notifications.mjs";

const {
  requests,
  references = requests,
  listeners = 1,
  text,
  keys = 0,
} = JSON.parse(process.argv[2]);
const others = Array.from({ length: keys - 1 }, (_, index) => `${index}${API_KEY.slice(1)}`);
const callback = telesignCallback({
  path: PATH,
  maxBodySize: 2 ** 17,
  // The one that signed comes last.
  ...(keys > 0 && { apiKey: [...others, API_KEY] }),
});
let delivered = 0;
for (let i = 0; i < listeners; i += 1) {
  callback.onMessage(() => {
    delivered += 1;
  });
}
// The callback takes it for a connection; it is never asked, since every answer is out at once.
const socket = { once() {} };
const written = text && "x".repeat(text);
let accepted = 0;

/** What the package needs of a request whose body a host has read, and of the response to it. */
function deliver(number) {
  const body = bodyOf(number % references, written);
  const headers = keys > 0 ? lowerCased(signatureHeaders(body, API_KEY)) : {};
  const req = { method: "POST", url: PATH, headers, rawBody: Buffer.from(body), socket };
  return new Promise((resolve) => {
    const res = {
      writableFinished: false,
      setHeader() {},
      end(answer) {
        res.writableFinished = true;
        if (answer.includes("accepted")) accepted += 1;
        resolve();
      },
    };
    started.push({ req, res });
  });
}

function lowerCased(headers) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

let started = [];
const TOGETHER = 32;

/** Makes the requests first, so that only what the package does with them is counted. */
async function run(from, count) {
  let micros = 0;
  for (let sent = 0; sent < count; sent += TOGETHER) {
    const answers = Array.from({ length: Math.min(TOGETHER, count - sent) }, (_, index) =>
      deliver(from + sent + index),
    );
    const before = process.cpuUsage();
    for (const { req, res } of started) callback(req, res, fail);
    await Promise.all(answers);
    // Listeners start after the answer.
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    started = [];
  }
  return micros / count;
}

function fail(error) {
  throw error ?? new Error("the request was passed on");
}

globalThis.gc();
const { heapUsed } = process.memoryUsage();
await run(0, Math.min(references, 2000));
const micros = await run(Math.min(references, 2000), requests);
globalThis.gc();
const grown = process.memoryUsage().heapUsed - heapUsed;
if (delivered !== accepted * listeners) throw new Error(`${delivered} of ${accepted} delivered`);
process.send({ micros, megabytes: grown / 2 ** 20 });
