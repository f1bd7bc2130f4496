import { Socket } from "node:net";

/** Sockets that can be ended whatever state they are in. */
export interface SeverableSockets {
  /** Makes a socket; what node-postgres takes as `stream`. */
  readonly stream: () => Socket;
  /** Destroys every socket made so far, and each that is still asked for. */
  readonly sever: () => void;
}

/**
 * Keeps hold of the sockets of a connection pool. A pool that is told to end waits for the server's
 * goodbye, which a hung server never says, and a process does not exit before.
 */
export function createSeverableSockets(): SeverableSockets {
  const sockets = new Set<Socket>();
  let isSevered = false;

  function stream() {
    const socket = new Socket();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Later, because its owner connects it first.
    if (isSevered) setImmediate(() => socket.destroy());
    return socket;
  }

  function sever() {
    isSevered = true;
    for (const socket of sockets) socket.destroy();
  }

  return { stream, sever };
}
