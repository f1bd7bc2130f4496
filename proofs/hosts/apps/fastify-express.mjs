// In a Fastify app, with @fastify/express.
import fastifyExpress from "@fastify/express";
import Fastify from "fastify";

import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port, tellSeen } from "./receiver.mjs";

const app = Fastify();
await app.register(fastifyExpress);
app.use(keepId);
app.use(createReceiver());
app.get(OTHER, () => "other");
app.post(OTHER, (request) => request.body);
app.get(SEEN, () => tellSeen());
await app.listen({ port, host: "127.0.0.1" });
announce(app.server);
