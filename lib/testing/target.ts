import { once } from "node:events";
import { createServer, Server, type RequestListener } from "node:http";
import { URL } from "node:url";

import { urlOfServer } from "./server-address.js";

/** Where to deliver to. An Express app is a `RequestListener`. */
export type DeliverTarget = string | URL | Server | RequestListener;

/** A receiver that can be reached. */
export interface Receiver {
  readonly url: URL;
  /** The path and query to request. */
  readonly path: string;
  /** Leaves the target as it was found. */
  readonly leave: () => unknown;
}

/**
 * Makes a target reachable.
 *
 * @param path the path to request; undefined for the path of a URL, or else `/`
 * @throws TypeError, as a rejection, if the target or the path is bad
 */
export async function reach(target: DeliverTarget, path: string | undefined): Promise<Receiver> {
  if (path !== undefined) checkPath(path);
  if (typeof target === "function") return serve(target, path);
  if (!(target instanceof Server)) return receiverAt(urlOf(target), path);
  if (target.listening) return receiverAt(urlOfServer(target), path);
  // Its own listen() is not called: the user may have called it, and Node may still be looking up
  // the host.
  return serve((req, res) => target.emit("request", req, res), path);
}

function checkPath(path: unknown): void {
  if (typeof path === "string" && /^\/[!"$-~]*$/.test(path)) return;
  throw new TypeError("path must start with a slash and be percent-encoded, without #");
}

function receiverAt(url: URL, path: string | undefined): Receiver {
  const own = `${url.pathname}${url.search}`;
  if (path !== undefined && own !== "/") {
    throw new TypeError("path must be left out if the target is a URL with a path or query");
  }
  return { url, path: path ?? own, leave() {} };
}

async function serve(listener: RequestListener, path: string | undefined): Promise<Receiver> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { ...receiverAt(urlOfServer(server), path), leave: () => stop(server) };
}

/**
 * Reads the target's URL.
 *
 * @throws TypeError that quotes no part of it, since its path may be private
 */
function urlOf(target: string | URL): URL {
  // Always a URL of node:url, because http.request does not accept one of jsdom.
  const url = URL.canParse(String(target)) ? new URL(String(target)) : undefined;
  if (!url || !/^https?:/.test(url.protocol)) {
    throw new TypeError("target must be an http or https URL, a server or a request listener");
  }
  // A user name would become an Authorization header, which is where TeleSign's signature goes.
  if (url.username || url.password) {
    throw new TypeError("target must have no user name and no password");
  }
  return url;
}

function stop(server: Server): Promise<unknown> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  return closed;
}
