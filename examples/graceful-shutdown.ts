// Ends on SIGTERM or SIGINT without losing a text, even behind a proxy that keeps its connections
// busy.
// Run: npx --yes tsx examples/graceful-shutdown.ts
// Then: npx telesign-callback send http://127.0.0.1:3000/telesign/4f9d0c
// and press Ctrl-C within two seconds.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

import express from "express";
import { telesignCallback } from "telesign-callback";

const callback = telesignCallback({ path: "/telesign/4f9d0c" });
callback.onMessage(async ({ mo_reference_id }) => {
  console.log("begins", mo_reference_id);
  await pause(2_000);
  console.log("done  ", mo_reference_id);
});

const app = express();
app.use(callback);
const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error; // such as EADDRINUSE
  console.log("listening on", server.address());
});

async function shutDown() {
  // A connection that is kept alive ends with its next answer.
  server.prependListener("request", (_req, res) => res.setHeader("Connection", "close"));
  const closed = once(server, "close");
  server.close();
  await callback.close({ timeout: 8_000 });
  // Listeners had up to 8 s. Other requests get 500 ms more: raise that if your routes need longer,
  // but keep the sum below the platform's grace period. Without this limit, an open WebSocket would
  // keep the server from closing.
  await Promise.race([closed, pause(500)]);
  console.log("closed");
  process.exit();
}
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void shutDown());

// Prints: begins, with the reference of the text
//         done, with the same
//         closed
