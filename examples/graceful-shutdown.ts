// Graceful shutdown: no text is lost between the 200 and the end of its listener.
// Run: npx --yes tsx examples/graceful-shutdown.ts, send a text, and press Ctrl-C within two seconds
import { setTimeout } from "node:timers/promises";

import express from "express";
import { telesignCallback } from "telesign-callback";

const callback = telesignCallback({ path: "/telesign/4f9d0c" });
callback.onMessage(async ({ mo_reference_id }) => {
  console.log("begins", mo_reference_id);
  await setTimeout(2_000);
  console.log("done  ", mo_reference_id);
});

const app = express();
app.use(callback);
const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening on", server.address());
});

async function shutDown() {
  // First the callback, which answers 503 from now on, so that TeleSign's next attempt goes elsewhere.
  await callback.close({ timeout: 8_000 });
  server.close(() => console.log("closed"));
  server.closeIdleConnections();
}
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void shutDown());

// Prints: begins SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N
//         done   SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N
//         closed
