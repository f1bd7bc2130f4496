// Next.js on a custom server. CUSTOM=1 puts the callback ahead of Next; otherwise an API route has
// it.
import { createServer } from "node:http";

import next from "next";

import { announce, createReceiver, keepId, port, tellSeen } from "../receiver.mjs";

const isCustom = process.env.CUSTOM === "1";
if (isCustom) globalThis.tellSeen = tellSeen;
const app = next({ dir: import.meta.dirname, dev: false });
await app.prepare();
const handle = app.getRequestHandler();
const callback = isCustom ? createReceiver() : (req, res, next) => next();
const server = createServer((req, res) =>
  keepId(req, res, () => callback(req, res, () => handle(req, res))),
);
announce(server.listen(port, "127.0.0.1"));
