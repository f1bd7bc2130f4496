import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** One request that a receiver got. */
export interface ReceivedRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: string[];
  readonly body: Buffer;
}

/** A request listener that keeps requests, and answers with these statuses in turn, then 200. */
export function createReceiver(...statuses: number[]) {
  const received: ReceivedRequest[] = [];
  const listener: RequestListener = (req, res) => {
    void buffer(req).then((body) => {
      const { method, url, headers, rawHeaders } = req;
      received.push({ method, url, headers, rawHeaders, body });
      res.writeHead(statuses.shift() ?? 200).end("answer");
    });
  };
  return { listener, received };
}

const servers: Server[] = [];

/** Listens with a server that {@link closeServers} closes. Resolves to its port. */
export async function listenWith(server: Server, host = "127.0.0.1"): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Serves a request listener until {@link closeServers}. Resolves to its origin, without a path. */
export async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listenWith(createServer(listener))}`;
}

/** Closes every server. For `afterEach`. */
export function closeServers(): void {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
}
