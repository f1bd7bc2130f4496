import type { Server } from "node:http";
import { URL } from "node:url";

/**
 * Where a server that listens can be reached from this machine.
 *
 * @throws TypeError if it does not listen, or on a socket file
 */
export function addressOf(server: Server): URL {
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) {
    throw new TypeError("target must be a server that listens on a port");
  }
  const { address, family, port } = bound;
  // 0.0.0.0 and :: are where a server listens, not where it can be reached.
  if (address === "0.0.0.0" || address === "::") return new URL(`http://127.0.0.1:${port}/`);
  return new URL(`http://${family === "IPv6" ? `[${address}]` : address}:${port}/`);
}
