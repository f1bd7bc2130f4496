import { AsyncLocalStorage } from "node:async_hooks";
import { createHmac, createSecretKey, timingSafeEqual } from "node:crypto";
import { tracingChannel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";
import { createServer } from "node:http";

import express from "express";
import Joi from "joi";
import { LRUCache } from "lru-cache";
import { telesignCallback } from "telesign-callback";

import { API_KEY, PATH } from "../proofs/support/notifications.mjs";

/**
 * What is compared: each makes a server, and calls `deliver` with the reference of each message
 * that it hands over. The floors (see table.mjs) and the bare handlers hand nothing over.
 *
 * @type {Record<string, (deliver: (reference: string) => void) => import("node:http").Server>}
 */
export const contenders = {
  "node:http alone": () => createServer(readParseEnd),
  "package, ahead": (deliver) => createServer(ahead(packageWith(deliver))),
  "package, ahead, signed": (deliver) => createServer(ahead(packageWith(deliver, API_KEY))),
  "Router that does nothing": () => mounted(express.Router().use(readParseEnd)),
  "package, mounted": (deliver) => mounted(packageWith(deliver)),
  "package, mounted, signed": (deliver) => mounted(packageWith(deliver, API_KEY)),
  "package, mounted, traced": (deliver) => mounted(traced(packageWith(deliver))),
  "bare Express handler": bareHandler,
  // It checks nothing, but gets the same requests as the signed ones.
  "bare Express handler, signed": bareHandler,
  "hand-written": (deliver) => handWritten(deliver),
  "hand-written, signed": (deliver) => handWritten(deliver, API_KEY),
};

/** Only reads the body, parses it and ends the response, as Node's documentation shows. */
function readParseEnd(req, res) {
  const chunks = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    res.end();
  });
}

function packageWith(deliver, apiKey) {
  const callback = telesignCallback({ path: PATH, ...(apiKey && { apiKey }) });
  callback.onMessage((message) => deliver(message.mo_reference_id));
  return callback;
}

/** Adds the least that a tracer does: make a context active, and note every end. */
function traced(callback) {
  const storage = new AsyncLocalStorage();
  for (const name of ["telesign-callback:request", "telesign-callback:message"]) {
    const channel = tracingChannel(name);
    channel.start.bindStore(storage, (subject) => ({ subject, startedAt: performance.now() }));
    channel.asyncEnd.subscribe(() => performance.now());
  }
  return callback;
}

function mounted(router) {
  return createServer(express().use(router));
}

function ahead(callback) {
  const app = express();
  return (req, res) => callback(req, res, () => app(req, res));
}

function bareHandler() {
  const app = express();
  app.post(PATH, express.json(), (req, res) => res.sendStatus(200));
  return createServer(app);
}

const schema = Joi.object({
  submit_timestamp: Joi.string().required(),
  from_phone_number: Joi.string()
    .pattern(/^\d{1,15}$/)
    .required(),
  mo_message: Joi.string().allow("").required(),
  mo_reference_id: Joi.string().alphanum().length(32).required(),
  session_reference_id: Joi.string().alphanum().length(32).required(),
  to_phone_number: Joi.string()
    .pattern(/^\d{1,15}$/)
    .required(),
}).unknown(true);

/** What a careful user would write without the package. */
function handWritten(deliver, apiKey) {
  const seen = new LRUCache({ max: 100_000, ttl: 600_000 });
  const events = new EventEmitter();
  events.on("message", (message) => deliver(message.mo_reference_id));
  const key = apiKey && createSecretKey(Buffer.from(apiKey, "base64"));
  const app = express();
  const verify = (req, res, body) => {
    req.rawBody = body;
  };
  app.post(PATH, express.json({ verify }), (req, res) => {
    if (key && !isSigned(req.rawBody, req.get("X-TS-Authorization"), key)) {
      return res.sendStatus(401);
    }
    const { error, value } = schema.validate(req.body);
    if (error) return res.sendStatus(400);
    if (seen.has(value.mo_reference_id)) return res.json({ status: "duplicate" });
    seen.set(value.mo_reference_id, true);
    res.json({ status: "accepted" });
    setImmediate(() => events.emit("message", value));
  });
  return createServer(app);
}

function isSigned(body, header = "", key) {
  const expected = createHmac("sha256", key).update(body).digest();
  const signature = Buffer.from(header, "base64");
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}
