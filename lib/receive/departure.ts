import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { after, setImmediate } from "../clock.js";

/** How long listeners wait for an answer that other middleware holds back, in ms. TeleSign waits 5 s. */
const PATIENCE = 4_000;

/**
 * Resolves when an answer has been handed to the operating system, cannot leave because the client
 * hung up, or has been held back for too long. Call it before the answer is written: a response that
 * a serverless host made up may finish within its own `end()`.
 */
export function departure(req: IncomingMessage, res: ServerResponse): Promise<void> {
  // Other middleware has answered, or the client has gone: nothing will be emitted any more.
  if (res.writableFinished || res.destroyed) return Promise.resolve();
  let resolve = () => {};
  const left = new Promise<void>((resolveLeft) => (resolve = resolveLeft));
  const isHttp2 = "stream" in res;
  const answer: PendingAnswer = { req, res, settle };

  function settle() {
    // A pipelining client can cause thousands of answers in one turn, so keep nothing of them.
    answer.req = undefined;
    answer.res = undefined;
    // HTTP/2 says that it has finished before it has written the last frame.
    if (isHttp2) setImmediate(resolve);
    else resolve();
  }

  // Cheap: no timer, and no listener on the connection. Only what is still pending at the end of this
  // turn of the event loop gets those.
  res.on("finish", settle);
  res.on("close", settle);
  watchLater(answer);
  return left;
}

/** An answer that may not have left yet. */
interface PendingAnswer {
  req: IncomingMessage | undefined;
  res: ServerResponse | undefined;
  readonly settle: () => void;
}

let pending: PendingAnswer[] = [];

/** Watches what has not left at the end of this turn of the event loop. Nearly every answer has. */
function watchLater(answer: PendingAnswer): void {
  if (pending.push(answer) > 1) return;
  setImmediate(() => {
    const answers = pending;
    pending = [];
    for (const { req, res, settle } of answers) {
      if (req && res) void delayedDeparture(req, res).then(settle);
    }
  });
}

function delayedDeparture(req: IncomingMessage, res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      cancel();
      forget();
      resolve();
    };
    const cancel = after(PATIENCE, settle);
    // A response that waits in a pipeline for its turn is not told that its connection is gone.
    const forget = onHangUp(req.socket, settle);
    res.on("finish", settle);
    res.on("close", settle);
  });
}

const watched = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when a connection is gone. However many wait for it, the connection gets one listener,
 * because Node warns of more than ten.
 *
 * @returns the function that cancels it
 */
function onHangUp(socket: Socket | undefined, callback: () => void): () => void {
  // A serverless host may have no connection, or one that it made up.
  if (typeof socket?.once !== "function") return () => {};
  const callbacks = watched.get(socket) ?? watch(socket);
  callbacks.add(callback);
  // Not now, because the caller cannot cancel it yet.
  if (socket.closed) void Promise.resolve().then(callback);
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
