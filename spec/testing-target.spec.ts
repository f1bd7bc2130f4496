import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type express from "express";
import { telesignCallback } from "telesign-callback";
import { deliver, notification, type DeliverTarget } from "telesign-callback/testing";

import { closeServers, createReceiver, listenWith, serve } from "./support/receivers.js";

const attempted = [{ status: 200, ms: expect.any(Number) as unknown }];

afterEach(closeServers);

describe("deliver, to a URL", () => {
  it.each<[string, (address: string) => DeliverTarget]>([
    ["a string", (address) => address],
    ["a URL object", (address) => new URL(address)],
  ])("posts to its path and query if it is given as %s", async (_, targetOf) => {
    const { listener, received } = createReceiver();
    const target = targetOf(`${await serve(listener)}/telesign/4f9d0c?a=b#c`);
    expect(await deliver(target, notification())).toEqual(attempted);
    expect(received[0]?.url).toBe("/telesign/4f9d0c?a=b");
  });

  it.each(["", "/", "/#fragment"])(
    "posts to the path option if the URL has only %j after the port",
    async (end) => {
      const { listener, received } = createReceiver();
      const target = `${await serve(listener)}${end}`;
      await deliver(target, notification(), { path: "/telesign/4f9d0c?a=b" });
      expect(received[0]?.url).toBe("/telesign/4f9d0c?a=b");
    },
  );

  it.each([
    ["/secret", "/other"],
    ["/secret", "/secret"],
    ["/secret", "/"],
    ["/?secret", "/"],
  ])(
    "refuses a URL that ends in %s, together with the path option %s, as ambiguous",
    async (own, path) => {
      const delivering = deliver(`http://127.0.0.1:9${own}`, notification(), { path });
      await expect(delivering).rejects.toThrow(
        new TypeError("path must be left out if the target is a URL with a path or query"),
      );
    },
  );

  it("speaks TLS to an https URL", async () => {
    const server = createTcpServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const firstByte = once(server, "connection").then(async ([socket]: Socket[]) => {
      const [bytes] = (await once(socket!, "data")) as [Buffer];
      socket!.destroy();
      return bytes[0];
    });
    await deliver(`https://127.0.0.1:${port}/`, notification(), { waits: [] });
    server.close();
    const HANDSHAKE = 22;
    expect(await firstByte).toBe(HANDSHAKE);
  });
});

describe("deliver, to a server", () => {
  it.each(["127.0.0.1", "0.0.0.0", "::", "::1"])(
    "reaches one that is listening on %s, and leaves it listening",
    async (host) => {
      const { listener, received } = createReceiver();
      const server = createServer(listener);
      await listenWith(server, host);
      expect(await deliver(server, notification(), { path: "/t" })).toEqual(attempted);
      expect(received[0]?.url).toBe("/t");
      expect(server.listening).toBe(true);
    },
  );

  it.each(["127.0.0.1", "localhost"])(
    "reaches one that is about to listen on %s, and does not stop it",
    async (host) => {
      const server = createServer(createReceiver().listener);
      const listening = listenWith(server, host);
      const onClose = jest.fn();
      server.on("close", onClose);
      expect(await deliver(server, notification())).toEqual(attempted);
      await listening;
      expect(await deliver(server, notification())).toEqual(attempted);
      expect(server.listening).toBe(true);
      expect(onClose).not.toHaveBeenCalled();
    },
  );

  it("makes several deliveries at once to one that is not listening", async () => {
    const { listener, received } = createReceiver();
    const server = createServer(listener);
    const delivering = [1, 2, 3].map(() => deliver(server, notification()));
    expect(await Promise.all(delivering)).toEqual([attempted, attempted, attempted]);
    expect(received).toHaveLength(3);
  });

  it("delivers over 127.0.0.1 to one that is not listening, without starting it", async () => {
    const onListening = jest.fn();
    const onAddress = jest.fn<void, [string | undefined]>();
    const server = createServer((req, res) => {
      onAddress(req.socket.localAddress);
      res.end();
    }).on("listening", onListening);
    expect(await deliver(server, notification())).toEqual(attempted);
    expect(onAddress).toHaveBeenCalledWith("127.0.0.1");
    expect(onListening).not.toHaveBeenCalled();
    expect(server.listening).toBe(false);
  });

  it("refuses one that is listening on a socket file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "telesign-callback-"));
    const server = createServer().listen(join(folder, "socket"));
    await once(server, "listening");
    await expect(deliver(server, notification())).rejects.toThrow("listens on a port");
    server.close();
    await rm(folder, { recursive: true });
  });
});

describe("deliver, to a request listener", () => {
  it.each([
    ["5", "express"],
    ["4", "express4"],
  ])("serves an Express %s app during the delivery", async (_, name) => {
    const app = jest.requireActual<typeof express>(name)();
    app.use("/webhooks", telesignCallback({ path: "/4f9d0c", onMessage: () => {} }));
    const attempts = await deliver(app, notification(), { path: "/webhooks/4f9d0c" });
    expect(attempts).toEqual(attempted);
  });

  it.each(["//4f9d0c", "/a/../b", "/%2F?a=b&c=d", "/$-~"])(
    "sends the path %s as it is",
    async (path) => {
      const { listener, received } = createReceiver();
      await deliver(listener, notification(), { path });
      expect(received[0]?.url).toBe(path);
    },
  );

  it("leaves no server behind", async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP"));
    const before = sockets();
    await deliver(createReceiver().listener, notification());
    await deliver(createServer(createReceiver().listener), notification());
    expect(sockets()).toEqual(before);
  });
});
