import type { IncomingMessage } from "node:http";
import { BlockList, isIP, type Socket } from "node:net";

/** A request of `node:http`, or of Express, which adds `ip`. */
export interface AddressedRequest extends IncomingMessage {
  readonly ip?: string | undefined;
}

/**
 * The sender's address: Express's `req.ip`, which follows `trust proxy`; without it, the socket's.
 *
 * @throws whatever the app's own `trust proxy` function throws
 */
export function addressOf(req: AddressedRequest): string | undefined {
  if ("ip" in req) return req.ip;
  // A serverless host may give a request without a socket.
  const socket: Socket | undefined = req.socket;
  return socket?.remoteAddress;
}

/**
 * Makes the function that says whether a text is an address in the list. IPv4-mapped IPv6 addresses
 * count as IPv4.
 *
 * @throws TypeError naming the entry that is neither an address nor a CIDR range
 */
export function createAllowlist(allowFrom: unknown): (address: string | undefined) => boolean {
  if (!Array.isArray(allowFrom) || allowFrom.length === 0) {
    throw new TypeError("allowFrom must be an array of at least one address or CIDR range");
  }
  // Despite its name, this set holds the addresses that are allowed.
  const allowed = new BlockList();
  for (const [index, entry] of Array.from<unknown>(allowFrom).entries()) {
    if (!add(allowed, entry)) {
      throw new TypeError(`allowFrom[${index}] must be an IPv4 or IPv6 address or a CIDR range`);
    }
  }

  return function isAllowed(address) {
    return typeof address === "string" && allowed.check(address, familyOf(address));
  };
}

/** Adds an address or a range. Returns false if the entry is neither. */
function add(list: BlockList, entry: unknown): boolean {
  if (typeof entry !== "string") return false;
  const [, address, prefix] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  if (address === undefined) return false;
  const family = familyOf(address);
  if (family === undefined) return false;
  if (prefix === undefined) {
    list.addAddress(address, family);
    return true;
  }
  if (Number(prefix) > (family === "ipv4" ? 32 : 128)) return false;
  list.addSubnet(address, Number(prefix), family);
  return true;
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  return ({ 4: "ipv4", 6: "ipv6" } as const)[isIP(address)];
}
