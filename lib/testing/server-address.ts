import type { Server } from "node:http";
import { URL } from "node:url";

/**
 * The URL at which this machine reaches a server that is listening.
 *
 * @throws TypeError if it is not listening, or is listening on a socket file
 */
export function urlOfServer(server: Server): URL {
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) {
    throw new TypeError("target must be a server that listens on a port");
  }
  const { address, family, port } = bound;
  // 0.0.0.0 and :: mean every address; not every system can connect to them.
  if (address === "0.0.0.0" || address === "::") return new URL(`http://127.0.0.1:${port}/`);
  return new URL(`http://${family === "IPv6" ? `[${address}]` : address}:${port}/`);
}
