// Mounted as a route: `app.post(path, callback)` leaves the whole path in `req.url`, so the option
// `path` must be the whole path.
import express from "express";

import { OTHER, PATH, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port, tellSeen } from "./receiver.mjs";

const app = express();
app.post(PATH, keepId, createReceiver({ path: PATH }));
app.get(OTHER, (req, res) => res.send("other"));
app.post(OTHER, express.json(), (req, res) => res.json(req.body));
app.get(SEEN, (req, res) => res.type("json").send(tellSeen()));
announce(app.listen(port, "127.0.0.1"));
