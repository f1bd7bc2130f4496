import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

/** A server on a free port, until the end of the spec file. */
export async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return { server, port: (server.address() as AddressInfo).port };
}

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

/** An open connection. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  // A server that refuses an upload may reset the connection after it answers: ignore that.
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** What the other side sends until it closes. */
export async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // Not events.once, which rejects at the reset that follows a refused upload.
  await new Promise((resolve) => socket.on("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

/** Sends `bytes` as they are on a new connection, and resolves to the whole answer. */
export async function exchange(port: number, ...bytes: (string | Buffer)[]): Promise<string> {
  const socket = await dial(port);
  const answer = received(socket);
  for (const part of bytes) socket.write(part);
  return answer;
}

/** A request as TeleSign sends it. By default, it asks the server to close the connection. */
export function post(
  path: string,
  body: string | Buffer,
  headers: string[] = [],
  connection = "close",
): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Content-Type: application/json",
    `Connection: ${connection}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}
