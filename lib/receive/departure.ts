import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { after, clearImmediate, setImmediate } from "../clock.js";

/** How long listeners wait for an answer that is held back, in ms. */
const PATIENCE = 4_000;

/**
 * Resolves when an answer has been handed to the operating system, cannot leave because the client
 * hung up, or has been held back for too long. Call it before the answer is written: a response
 * that a serverless host made up may finish within its own `end()`.
 */
export function departure(req: IncomingMessage, res: ServerResponse): Promise<void> {
  // Other middleware has answered, or the client has gone: no event will follow.
  if (res.writableFinished || res.destroyed) return Promise.resolve();
  let resolve = () => {};
  const left = new Promise<void>((resolveLeft) => (resolve = resolveLeft));
  const isHttp2 = "stream" in res;
  function settle() {
    clearImmediate(watching);
    // HTTP/2 emits "finish" before it has written the last frame.
    if (isHttp2) setImmediate(resolve);
    else resolve();
  }

  res.on("finish", settle);
  res.on("close", settle);
  // Without a durable inbox, nearly every answer leaves within this turn of the event loop. The
  // others need a timer, and a listener on the connection.
  const watching = setImmediate(() => watch(req.socket, left, settle));
  return left;
}

/** Gives up on an answer if it does not leave for a while, or when its connection is gone. */
function watch(socket: Socket | undefined, left: Promise<void>, giveUp: () => void): void {
  const cancel = after(PATIENCE, giveUp);
  // A response that waits in a pipeline for its turn emits nothing when its connection is gone.
  const forget = onHangUp(socket, giveUp);
  void left.then(() => {
    cancel();
    forget();
  });
}

const watched = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when a connection is gone, and returns the function that cancels it. However many wait
 * for that, the connection gets one listener, because Node warns about more than ten.
 */
function onHangUp(socket: Socket | undefined, callback: () => void): () => void {
  // A serverless host may have no connection, or one that it made up.
  if (typeof socket?.once !== "function") return () => {};
  const callbacks = watched.get(socket) ?? listenTo(socket);
  callbacks.add(callback);
  // Called later, because the caller cannot cancel it yet.
  if (socket.closed) void Promise.resolve().then(callback);
  return () => callbacks.delete(callback);
}

function listenTo(socket: Socket): Set<() => void> {
  const callbacks = new Set<() => void>();
  watched.set(socket, callbacks);
  socket.once("close", () => {
    for (const callback of callbacks) callback();
  });
  return callbacks;
}
