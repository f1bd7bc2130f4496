import { createReceiver, keepId, tellSeen } from "../../../../receiver.mjs";

/** Without this, Next reads the body before the callback. */
export const config = { api: { bodyParser: false, externalResolver: true } };

// Next may load a route's module more than once.
globalThis.callback ??= createReceiver({ path: "/api/telesign/4f9d0c" });
globalThis.tellSeen ??= tellSeen;

/** `req.url` is the whole path here, so the option `path` must be the whole path as well. */
export default function handler(req, res) {
  keepId(req, res, () => globalThis.callback(req, res, () => res.status(404).end()));
}
