import express from "express";

import { OTHER, SEEN } from "./paths.mjs";
import { announce, createGuarded, keepId, port, tellSeen } from "./receiver.mjs";

/** Serves an Express app in which the callback comes before the body parsers. */
export function serve(callback) {
  const app = express().set("trust proxy", Number(process.env.TRUST_PROXY ?? 0));
  app.use(keepId, callback, createGuarded(), express.json());
  // The remote port tells a proxy's connections apart.
  app.get(OTHER, (req, res) => res.set("X-Connection", `${req.socket.remotePort}`).send("other"));
  app.post(OTHER, (req, res) => res.json(req.body));
  // Otherwise Varnish would keep the first answer.
  app.get(SEEN, (req, res) => res.set("Cache-Control", "no-store").json(JSON.parse(tellSeen())));
  const server = app.listen(port, "127.0.0.1");
  // Longer than any proxy keeps an idle connection: otherwise a request could meet a closing one.
  server.keepAliveTimeout = 75_000;
  announce(server);

  process.once("SIGTERM", async () => {
    server.prependListener("request", (req, res) => res.setHeader("Connection", "close"));
    server.close();
    await callback.close();
    process.exit();
  });
}
