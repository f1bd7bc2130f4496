// Ahead of an app, on node:http.
import { createServer } from "node:http";

import { plainApp } from "./plain.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

const callback = createReceiver();
const server = createServer((req, res) =>
  keepId(req, res, () => callback(req, res, () => plainApp(req, res))),
);
announce(server.listen(port, "127.0.0.1"));
