// Ahead of a Koa app: Koa's own middleware has no `(req, res, next)`.
import { createServer } from "node:http";

import Koa from "koa";

import { plainApp } from "./plain.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

const koa = new Koa();
koa.use((context) => {
  context.respond = false;
  context.res.statusCode = 200;
  plainApp(context.req, context.res);
});
const app = koa.callback();
const callback = createReceiver();
const server = createServer((req, res) =>
  keepId(req, res, () => callback(req, res, () => app(req, res))),
);
announce(server.listen(port, "127.0.0.1"));
