import { OTHER, SEEN } from "./paths.mjs";
import { tellSeen } from "./receiver.mjs";

/** The rest of an app, without any framework. */
export function plainApp(req, res) {
  if (req.method === "GET" && req.url === OTHER) return res.end("other");
  if (req.method === "GET" && req.url === SEEN) return res.end(tellSeen());
  if (req.method === "POST" && req.url === OTHER) return req.pipe(res);
  res.statusCode = 404;
  res.end();
}
