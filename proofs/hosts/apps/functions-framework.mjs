// A function on Google Cloud's functions-framework, which reads the body first and sets `rawBody`.
import { http } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";

import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port, tellSeen } from "./receiver.mjs";

const callback = createReceiver();
http("receive", (req, res) => keepId(req, res, () => callback(req, res, () => other(req, res))));

function other(req, res) {
  if (req.url === SEEN) res.send(tellSeen());
  else if (req.url !== OTHER) res.sendStatus(404);
  else if (req.method === "GET") res.send("other");
  else res.json(req.body);
}

// The framework's own server, as its command line starts it.
announce(getTestServer("receive").listen(port, "127.0.0.1"));
