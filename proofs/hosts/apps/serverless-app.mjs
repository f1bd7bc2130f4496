// The Express app of the serverless rows.
import express from "express";

import { OTHER, SEEN } from "./paths.mjs";
import { createGuarded, createReceiver, keepId, tellSeen } from "./receiver.mjs";

const callback = createReceiver();
const guarded = createGuarded();

export const app = express();
// Only for `allowFrom`. Behind a load balancer the event names no sender, and the adapter sets a
// `req.ip` that hides Express's own. So take the last entry of X-Forwarded-For, which the balancer
// added. Azure adds a port to it.
if (/ALB|Azure/.test(process.env.EVENT)) {
  app.use((req, res, next) => {
    const last = String(req.headers["x-forwarded-for"]).split(",").at(-1).trim();
    Object.defineProperty(req, "ip", {
      value: last.replace(/^(?:([\d.]+)|\[(.+)\]):\d+$/, "$1$2"),
    });
    next();
  });
}
app.use(keepId, callback, guarded, express.json());
app.get(OTHER, (req, res) => res.send("other"));
app.post(OTHER, (req, res) => res.json(req.body));
app.get(SEEN, (req, res) => res.type("json").send(tellSeen()));
// Express's own 404 page makes @codegenie/serverless-express fail, even without this package.
app.use((req, res) => res.sendStatus(404));

/** Waits for the listeners: the platform may freeze the process once the function has returned. */
export async function settled() {
  await callback.settled();
  await guarded.settled();
}
