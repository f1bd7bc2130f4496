import type { Socket } from "node:net";

import { dial, received } from "./wire.js";

/** How an upload ended for its sender. */
export interface Upload {
  /** Everything that came back. */
  readonly answer: string;
  /** The code of the error that its connection ended with; undefined if it was closed properly. */
  readonly error: string | undefined;
}

const CHUNK = 65_536;

/**
 * Sends a request with a large body and reads the answer only afterwards, as simple clients do: if
 * the connection is reset, the answer is lost.
 */
export async function upload(port: number, head: string, size: number): Promise<Upload> {
  const socket = await dial(port);
  socket.pause();
  const answer = received(socket);
  const error = errorOf(socket);
  socket.write(head);
  for (let sent = 0; sent < size && socket.writable; sent += CHUNK) {
    const bytes = Buffer.alloc(Math.min(CHUNK, size - sent), "x");
    if (!socket.write(isChunked(head) ? chunked(bytes) : bytes)) await writable(socket);
  }
  if (isChunked(head)) socket.write("0\r\n\r\n");
  socket.resume();
  return { answer: await answer, error: error() };
}

function isChunked(head: string): boolean {
  return head.includes("chunked");
}

function chunked(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]);
}

const CRLF = Buffer.from("\r\n");

function errorOf(socket: Socket): () => string | undefined {
  let code: string | undefined;
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
  return () => code;
}

/** Resolves when more can be written, or when the connection has closed. */
function writable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}
