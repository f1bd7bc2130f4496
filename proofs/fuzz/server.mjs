// The receiver under fuzz: signed at one path, unsigned at another.
import { createServer } from "node:http";

import express from "express";
import { memoryInbox, telesignCallback } from "telesign-callback";

import { API_KEY, PATH } from "../support/notifications.mjs";

const MAX = 10_000;
const counts = { delivered: 0, twice: 0, duplicates: 0, rejected: 0, errors: 0, unhandled: 0 };
/** A callback, and the references that it delivered: all of them, and the latest, in order. */
const receiver = (options) => ({
  path: options.path,
  callback: telesignCallback({ ...options, inbox: memoryInbox({ max: MAX }) }),
  all: new Set(),
  latest: new Set(),
});
const receivers = [receiver({ path: PATH, apiKey: API_KEY }), receiver({ path: "/plain" })];

for (const { callback, all, latest } of receivers) {
  callback.onMessage(({ mo_reference_id }) => {
    counts.delivered += 1;
    if (latest.has(mo_reference_id)) counts.twice += 1;
    all.add(mo_reference_id);
    latest.add(mo_reference_id);
    // Forgets as the inbox does, since a changed digit may recreate a reference from long ago.
    if (latest.size > MAX) latest.delete(latest.values().next().value);
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

// Outside the "test" environment, Express would print an error for each URL that it cannot decode.
const app = express()
  .set("env", "test")
  .use(receivers.map(({ callback }) => callback));
const server = createServer(app);
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

const commands = {
  counts: () => counts,
  /** How many of the references accepted, listed by path, were never delivered. */
  lost(accepted) {
    const missing = ({ path, all }) => accepted[path].filter((reference) => !all.has(reference));
    return receivers.flatMap(missing).length;
  },
  // Forgets the references first: this program keeps them only to find what came twice or never.
  memory() {
    for (const { all, latest } of receivers) {
      all.clear();
      latest.clear();
    }
    globalThis.gc();
    const { heapUsed, rss } = process.memoryUsage();
    return { heapUsed, rss };
  },
};
process.on("message", ({ command, argument }) => process.send(commands[command](argument)));
