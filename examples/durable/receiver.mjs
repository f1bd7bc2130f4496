// Receives and stores; the listeners are in worker.mjs. Run any number of these. If TeleSign takes
// two URIs from you, give it those of two receivers.
import express from "express";
import { telesignCallback } from "telesign-callback";
import { bullmqInbox } from "telesign-callback/bullmq";

import { connection } from "./connection.mjs";

const callback = telesignCallback({
  path: "/telesign/4f9d0c",
  inbox: bullmqInbox({ connection }),
});
callback.on("error", ({ code, message }) => console.error(`receiver: ${code}: ${message}`));

const server = express()
  .use(callback)
  .listen(Number(process.env.PORT), "127.0.0.1", (error) => {
    if (error) throw error; // such as EADDRINUSE
    console.log(`receiving at http://127.0.0.1:${process.env.PORT}/telesign/4f9d0c`);
  });

process.once("SIGTERM", async () => {
  server.close();
  await callback.close({ timeout: 8_000 });
  process.exit();
});
