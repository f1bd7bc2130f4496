// What each app here mounts, in its own way.
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { memoryInbox, telesignCallback } from "telesign-callback";

import { GUARDED_PATH, PATH } from "./paths.mjs";

const API_KEY = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
/** The file to which short-lived processes write what their listeners were given, one line each. */
const LOG = process.env.LOG;
const LISTENER_MS = Number(process.env.LISTENER_MS ?? 50);

const storage = new AsyncLocalStorage();
const seen = [];

/** Makes the callback. Its listener notes each notification that it is given. */
export function createReceiver({ path = PATH, inbox = memoryInbox(), ...options } = {}) {
  const callback = telesignCallback({ path, inbox, apiKey: API_KEY, ...options });
  callback.onMessage(async ({ mo_reference_id: reference, mo_message: text }) => {
    // As long as a short query, so that a host which fails to wait for its listeners is noticed.
    await sleep(LISTENER_MS);
    const entry = { reference, text, context: storage.getStore() };
    seen.push(entry);
    if (LOG) appendFileSync(LOG, `${JSON.stringify(entry)}\n`);
  });
  callback.on("error", ({ code, message }) => console.error(code, message));
  return callback;
}

/** A callback that only one address may deliver to, or its counterpart on a platform with IPv6. */
export function createGuarded() {
  const callback = telesignCallback({
    path: GUARDED_PATH,
    allowFrom: ["127.0.0.2", "2001:db8::2"],
  });
  callback.onMessage(() => {});
  return callback;
}

/** What listeners were given, as JSON: of all processes if there is a log. */
export function tellSeen() {
  if (!LOG || !existsSync(LOG)) return JSON.stringify(seen);
  return `[${readFileSync(LOG, "utf8").trim().split("\n").join()}]`;
}

/** Middleware that keeps the request's id, as an app's logger or tracer does. */
export function keepId(req, res, next) {
  storage.run(req.headers["x-request-id"], next);
}

/** Tells the proof where the app listens. */
export function announce(server) {
  const tell = () => console.log(JSON.stringify({ port: server.address().port }));
  if (server.listening) tell();
  else server.once("listening", tell);
}

/** The port to listen on: any free one, unless the proof names one. */
export const port = Number(process.env.PORT ?? 0);
