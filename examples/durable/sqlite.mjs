// A durable receiver without a database server: each acknowledged text is in a file. Needs Node
// 22.13 or later. Run it with: node sqlite.mjs
//
// Send it a text, end it with kill -9 within two seconds, and start it again: it hands the text
// over again. A text of "poison" becomes a dead letter. Restart with FIXED=1, and redrive it:
//
//   npx telesign-callback send --text poison http://127.0.0.1:3000/telesign/4f9d0c
//   npx telesign-callback dead-letters --sqlite inbox.db
//   npx telesign-callback dead-letters --sqlite inbox.db --redrive <reference>
import { setTimeout as pause } from "node:timers/promises";

import express from "express";
import { telesignCallback } from "telesign-callback";
import { sqliteInbox } from "telesign-callback/sqlite";

const { PORT = "3000", FILE = "inbox.db", FIXED } = process.env;
const inbox = sqliteInbox({ file: FILE, attempts: 2 });
const callback = telesignCallback({ path: "/telesign/4f9d0c", inbox });
callback.onMessage(async ({ mo_message, mo_reference_id }, { attempt }) => {
  console.log(`begins ${mo_message} (${mo_reference_id}, attempt ${attempt})`);
  if (mo_message === "poison" && !FIXED) throw new Error("this text is not understood yet");
  await pause(2_000);
  console.log(`done   ${mo_message}`);
});
callback.on("error", ({ code }) => console.error(code));

await inbox.ready();
const server = express()
  .use(callback)
  .listen(Number(PORT), "127.0.0.1", (error) => {
    if (error) throw error; // such as EADDRINUSE
    console.log("listening on", server.address());
  });

process.once("SIGTERM", async () => {
  server.close();
  await callback.close({ timeout: 8_000 });
  process.exit();
});
