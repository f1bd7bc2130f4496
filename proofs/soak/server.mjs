// The receiver under soak: one listener counts, two fail, one is slow, and one hangs.
import { createServer } from "node:http";

import express from "express";
import { memoryInbox, telesignCallback } from "telesign-callback";

import { API_KEY, numberOf, PATH } from "../support/notifications.mjs";

// Small enough for the inbox to be full, and its memory level, after the first minute.
const inbox = memoryInbox({ max: 10_000 });
const callback = telesignCallback({ path: PATH, apiKey: API_KEY, inbox });
const seen = new Uint8Array(50_000_000);
const counts = { delivered: 0, distinct: 0, duplicates: 0, failed: 0, reported: 0, unhandled: 0 };

callback.onMessage(({ mo_reference_id }) => {
  const number = numberOf(mo_reference_id);
  counts.delivered += 1;
  if (seen[number] === 0) counts.distinct += 1;
  seen[number] = 1;
});
callback.onMessage(({ mo_reference_id }) => {
  if (numberOf(mo_reference_id) % 10 !== 0) return;
  counts.failed += 1;
  throw new Error("fails");
});
callback.onMessage(async ({ mo_reference_id }) => {
  if (numberOf(mo_reference_id) % 10 !== 1) return;
  counts.failed += 1;
  await Promise.reject(new Error("rejects"));
});
callback.onMessage(({ mo_reference_id }) => {
  if (numberOf(mo_reference_id) % 10 === 2)
    return new Promise((resolve) => setTimeout(resolve, 500));
});
callback.onMessage(({ mo_reference_id }) => {
  // One call in a thousand hangs, for 30 s, so that memory is level after a minute.
  if (numberOf(mo_reference_id) % 1000 === 3)
    return new Promise((resolve) => setTimeout(resolve, 30_000));
});
callback.on("duplicate", () => {
  counts.duplicates += 1;
});
callback.on("error", () => {
  counts.reported += 1;
});
process.on("unhandledRejection", () => {
  counts.unhandled += 1;
});

const server = createServer(express().use(callback));
// Longer than the load ever pauses, so that no request meets a socket that is being closed.
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

const commands = {
  seen: () => counts,
  memory() {
    globalThis.gc();
    const { heapUsed, rss } = process.memoryUsage();
    return { heapUsed, rss };
  },
};
process.on("message", (command) => process.send(commands[command]()));
