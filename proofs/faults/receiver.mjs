// One process that receives and consumes, for the proofs and the benchmark. Its settings are a JSON
// text in its one argument; what its listener has finished it appends to a file, a reference a line.
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";

import { createPostgresBackend } from "bullmq";
import { memoryInbox, telesignCallback } from "telesign-callback";
import { bullmqInbox } from "telesign-callback/bullmq";

const { port, engine, options, log, work } = JSON.parse(process.argv[2]);
const finished = openSync(log, "a");

const callback = telesignCallback({ inbox: makeInbox() });
callback.onMessage(async ({ mo_reference_id }) => {
  if (work > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * work));
  writeSync(finished, `${mo_reference_id}\n`);
});
callback.on("error", ({ code, message, cause }) => {
  console.log(JSON.stringify({ code, message, cause: cause?.code ?? cause?.name }));
});

createServer((req, res) =>
  callback(req, res, () => res.end(`${process.memoryUsage.rss()}`)),
).listen(port, "127.0.0.1", () => console.log(JSON.stringify({ listening: port })));

process.on("SIGTERM", async () => {
  await callback.close();
  process.exit();
});

function makeInbox() {
  if (engine === "memory") return memoryInbox();
  return bullmqInbox(
    engine === "PostgreSQL" ? { ...options, backend: createPostgresBackend } : options,
  );
}
