import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { urlOfServer } from "../lib/testing/server-address.js";

/** A server that says it is bound to `address`, which this machine may not have. */
const boundTo = (address: AddressInfo | string | null) =>
  Object.assign(createServer(), { address: () => address });

describe("the URL of a server", () => {
  it.each([
    ["IPv4", "127.0.0.1", "http://127.0.0.1:8080/"],
    ["IPv4", "192.0.2.7", "http://192.0.2.7:8080/"],
    ["IPv4", "0.0.0.0", "http://127.0.0.1:8080/"],
    ["IPv6", "::", "http://127.0.0.1:8080/"],
    ["IPv6", "::1", "http://[::1]:8080/"],
  ])("that listens on %s %s is %s, where this machine reaches it", (family, address, url) => {
    expect(urlOfServer(boundTo({ family, address, port: 8080 })).href).toBe(url);
  });

  it.each([
    ["a socket file", "/run/app.sock"],
    ["nothing", null],
  ])("that listens on %s is refused", (_, address) => {
    expect(() => urlOfServer(boundTo(address))).toThrow("must be a server that listens on a port");
  });
});
