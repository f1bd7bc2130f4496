import type { Socket } from "node:net";

import { setImmediate } from "./clock.js";

const watched = new WeakMap<Socket, Set<() => void>>();

/** Whether it is a connection, and not what a serverless host made up, or nothing. */
export function isConnection(socket: Socket | undefined): socket is Socket {
  return typeof socket?.once === "function";
}

/**
 * Calls back when a connection is gone. A response that waits in a pipeline for its turn is not told.
 * However many wait, the connection gets one listener: Node warns of more than ten.
 *
 * @returns the function that calls it off
 */
export function onHangUp(socket: Socket, callback: () => void): () => void {
  const callbacks = watched.get(socket) ?? watch(socket);
  callbacks.add(callback);
  // Not now: the caller has nothing yet to call it off with.
  if (socket.closed) setImmediate(callback);
  return () => callbacks.delete(callback);
}

function watch(socket: Socket): Set<() => void> {
  const callbacks = new Set<() => void>();
  watched.set(socket, callbacks);
  socket.once("close", () => {
    for (const callback of callbacks) callback();
  });
  return callbacks;
}
