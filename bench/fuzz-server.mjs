// The receiver under fuzz: signed at one path, unsigned at another.
import { createServer } from "node:http";

import express from "express";
import { memoryInbox, telesignCallback } from "telesign-callback";

import { API_KEY, PATH } from "./notifications.mjs";

const counts = { delivered: 0, distinct: 0, duplicates: 0, rejected: 0, errors: 0, unhandled: 0 };
const receiver = (options) => telesignCallback({ ...options, inbox: memoryInbox({ max: 10_000 }) });
const signed = receiver({ path: PATH, apiKey: API_KEY });
const plain = receiver({ path: "/plain" });
const seen = new Map([signed, plain].map((callback) => [callback, new Set()]));

for (const [callback, references] of seen) {
  callback.onMessage(({ mo_reference_id }) => {
    counts.delivered += 1;
    if (!references.has(mo_reference_id)) counts.distinct += 1;
    references.add(mo_reference_id);
  });
  callback.on("duplicate", () => {
    counts.duplicates += 1;
  });
  callback.on("rejected", () => {
    counts.rejected += 1;
  });
  callback.on("error", () => {
    counts.errors += 1;
  });
}
process.on("unhandledRejection", () => {
  counts.unhandled += 1;
});

// Express would print each URL that cannot be decoded.
const app = express().set("env", "test").use(signed, plain);
const server = createServer(app);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

const commands = {
  counts: () => counts,
  // Without what only this program remembers, to tell a message that came twice.
  memory() {
    for (const references of seen.values()) references.clear();
    globalThis.gc();
    const { heapUsed, rss } = process.memoryUsage();
    return { heapUsed, rss };
  },
};
process.on("message", (command) => process.send(commands[command]()));
