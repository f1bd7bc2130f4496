// Runs the callback on node:http, ahead of an Express app: TeleSign's requests skip Express, and
// every other request reaches the app unchanged.
// Run: npx --yes tsx examples/ahead-of-app.ts
// Then: npx telesign-callback send http://127.0.0.1:3000/telesign/4f9d0c
import { createServer } from "node:http";

import express from "express";
import { telesignCallback } from "telesign-callback";

const callback = telesignCallback({ path: "/telesign/4f9d0c" });
callback.onMessage(({ mo_message }) => console.log("received:", mo_message));

const app = express();
app.get("/health", (_req, res) => {
  res.send("well");
});

const server = createServer((req, res) => callback(req, res, () => void app(req, res)));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening on", server.address());
});

// Prints: received: I am standing at the corner wearing a blue shirt
