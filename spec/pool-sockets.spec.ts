import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import { createPoolSockets } from "../lib/bullmq/pool-sockets.js";

describe("createPoolSockets, once destroyed", () => {
  const server = createServer();
  beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"));
  afterAll(() => server.close());
  const port = () => (server.address() as AddressInfo).port;

  it("has ended the sockets that it made, whatever state they are in", async () => {
    const { stream, destroy } = createPoolSockets();
    const [connected, connecting, unused] = [stream(), stream(), stream()];
    await once(connected.connect(port(), "127.0.0.1"), "connect");
    connecting.connect(port(), "127.0.0.1");
    destroy();
    expect([connected, connecting, unused].map((socket) => socket.destroyed)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("ends each socket that is asked for later, after its owner connects it", async () => {
    const { stream, destroy } = createPoolSockets();
    destroy();
    const socket = stream();
    socket.connect(port(), "127.0.0.1");
    expect(socket.destroyed).toBe(false);
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});
