import { Socket } from "node:net";

/** Sockets of a connection pool that can be ended whatever state they are in. */
export interface PoolSockets {
  /** Makes a socket. node-postgres takes this function as its option `stream`. */
  readonly stream: () => Socket;
  /** Lets the process exit in spite of the sockets made so far. */
  readonly unref: () => void;
  /** Destroys every socket, including those made later. */
  readonly destroy: () => void;
}

/**
 * Keeps track of the sockets of a connection pool. A pool that is told to end waits until the
 * server closes them, which a hung server never does, and keeps the process alive until then.
 */
export function createPoolSockets(): PoolSockets {
  const sockets = new Set<Socket>();
  let isDestroyed = false;

  function stream() {
    const socket = new Socket();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Destroyed later, because its owner connects it first.
    if (isDestroyed) setImmediate(() => socket.destroy());
    return socket;
  }

  function destroy() {
    isDestroyed = true;
    for (const socket of sockets) socket.destroy();
  }

  const unref = () => sockets.forEach((socket) => socket.unref());
  return { stream, unref, destroy };
}
