import type { Socket } from "node:net";
import { setImmediate } from "node:timers";

const watched = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when a connection is gone. A response that waits in a pipeline for its turn is not told.
 * However many wait, the connection gets one listener: Node warns of more than ten.
 *
 * @param socket none where a serverless host made the request up
 * @returns the function that calls it off
 */
export function onHangUp(socket: Socket | undefined, callback: () => void): () => void {
  if (!socket) return () => {};
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
