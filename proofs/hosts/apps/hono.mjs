// Ahead of a Hono app on @hono/node-server.
import { createServer } from "node:http";

import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";

import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port, tellSeen } from "./receiver.mjs";

const hono = new Hono();
hono.get(OTHER, (context) => context.text("other"));
hono.post(OTHER, async (context) => context.text(await context.req.text()));
hono.get(SEEN, (context) => context.text(tellSeen()));
const app = getRequestListener(hono.fetch);
const callback = createReceiver();
const server = createServer((req, res) =>
  keepId(req, res, () => callback(req, res, () => app(req, res))),
);
announce(server.listen(port, "127.0.0.1"));
