// Ahead of a Fastify app, through its serverFactory.
import { createServer } from "node:http";

import Fastify from "fastify";

import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port, tellSeen } from "./receiver.mjs";

const callback = createReceiver();
const serverFactory = (handler) =>
  createServer((req, res) => keepId(req, res, () => callback(req, res, () => handler(req, res))));
const app = Fastify({ serverFactory });
app.get(OTHER, () => "other");
app.post(OTHER, (request) => request.body);
app.get(SEEN, () => tellSeen());
await app.listen({ port, host: "127.0.0.1" });
announce(app.server);
