// One point of growth.mjs, in its own process, without a network.
import { memoryInbox, telesignCallback } from "telesign-callback";

import { API_KEY, bodyOf, PATH, signatureHeaders } from "../proofs/support/notifications.mjs";

const { requests, references = 0, listeners = 1, text, keys = 0 } = JSON.parse(process.argv[2]);
const otherKeys = Array.from({ length: keys - 1 }, (_, index) => `${index}${API_KEY.slice(1)}`);
let delivered = 0;

function createReceiver(inbox) {
  const callback = telesignCallback({
    inbox,
    path: PATH,
    maxBodySize: 2 ** 17,
    // The key that signs comes last, so that all keys are tried.
    ...(keys > 0 && { apiKey: [...otherKeys, API_KEY] }),
  });
  for (let i = 0; i < listeners; i += 1) {
    callback.onMessage(() => {
      delivered += 1;
    });
  }
  return callback;
}

// Stands for the connection, which the callback does not use when every answer leaves at once.
const socket = { once() {} };
const written = text && "x".repeat(text);
let accepted = 0;

let made = 0;

/**
 * Adds a request and its response to `started`: stand-ins with only what the package needs if a
 * host has read the body. Resolves when the request is answered.
 */
function deliver() {
  const body = bodyOf(made, written);
  made += 1;
  const headers = keys > 0 ? lowerCased(signatureHeaders(body, API_KEY)) : {};
  const req = { method: "POST", url: PATH, headers, rawBody: Buffer.from(body), socket };
  return new Promise((resolve) => {
    let finish = () => {};
    const res = {
      writableFinished: false,
      setHeader() {},
      on(event, listener) {
        if (event === "finish") finish = listener;
      },
      end(answer) {
        res.writableFinished = true;
        if (answer.includes("accepted")) accepted += 1;
        finish();
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
const WARM_UP = 25_000;

/** Sends `count` new messages; resolves to the CPU time that the package took for them, in µs. */
async function run(callback, count) {
  let micros = 0;
  for (let sent = 0; sent < count; sent += TOGETHER) {
    const answers = Array.from({ length: Math.min(TOGETHER, count - sent) }, deliver);
    const before = process.cpuUsage();
    for (const { req, res } of started) callback(req, res, fail);
    await Promise.all(answers);
    // Listeners start after the answer.
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    started = [];
  }
  return micros;
}

function fail(error) {
  throw error ?? new Error("the request was passed on");
}

// These inboxes are filled first, so that their memory stays the same. There are two, because V8
// compiles a callback's functions again when a second callback exists.
const others = [1000, 1000].map((max) => createReceiver(memoryInbox({ max })));
for (const other of others) await run(other, 2000);
const before = heapInUse();
// After a forced collection, thousands of requests cost three times as much, so warm up here.
for (const other of others) await run(other, WARM_UP);
const receiver = createReceiver(memoryInbox());
await run(receiver, references);
const micros = await run(receiver, requests);
const grown = heapInUse() - before;
if (delivered !== accepted * listeners) throw new Error(`${delivered} of ${accepted} delivered`);
process.send({ micros: micros / requests, megabytes: grown / 2 ** 20 });

function heapInUse() {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
