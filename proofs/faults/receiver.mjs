// One process that receives and consumes, for the proof `faults` and the benchmark `inbox`. Its
// argument holds its settings as JSON. It writes the references that it has finished to a file.
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { createPostgresBackend } from "bullmq";
import { memoryInbox, telesignCallback } from "telesign-callback";
import { bullmqInbox } from "telesign-callback/bullmq";
import { sqliteInbox } from "telesign-callback/sqlite";

const { port, engine, options, log, work, untilReady } = JSON.parse(process.argv[2]);
const finished = openSync(log, "a");

const inbox = makeInbox();
if (untilReady) await inbox.ready();
const callback = telesignCallback({ inbox });
callback.onMessage(async ({ mo_reference_id }) => {
  if (work > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * work));
  writeSync(finished, `${mo_reference_id}\n`);
});
callback.on("error", ({ code, message, cause }) => {
  console.log(JSON.stringify({ code, message, cause: cause?.code ?? cause?.name }));
});

// The first GET of /reset starts watching the event loop. Every GET returns the process's memory,
// and the longest block of the event loop so far.
const delay = monitorEventLoopDelay({ resolution: 1 });
const server = createServer((req, res) => {
  callback(req, res, () => {
    if (req.url === "/reset") delay.enable() && delay.reset();
    const longestBlockMs = delay.max / 1_000_000;
    res.end(JSON.stringify({ memory: process.memoryUsage.rss(), longestBlockMs }));
  });
});
// With Node's default of 5 s, a request may reach a connection that is being closed.
server.keepAliveTimeout = 600_000;
server.listen(port, "127.0.0.1", () => console.log(JSON.stringify({ listening: port })));

// Ends with the program that started it, however that ends.
process.stdin.on("end", () => process.exit()).resume();

process.on("SIGTERM", async () => {
  await callback.close();
  process.exit();
});

function makeInbox() {
  if (engine === "memory") return memoryInbox();
  if (engine === "SQLite") return sqliteInbox(options);
  return bullmqInbox(
    engine === "PostgreSQL" ? { ...options, backend: createPostgresBackend } : options,
  );
}
