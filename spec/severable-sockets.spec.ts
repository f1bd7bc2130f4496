import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import { createSeverableSockets } from "../lib/bullmq/severable-sockets.js";

describe("createSeverableSockets, once severed", () => {
  const server = createServer();
  beforeAll(() => once(server.listen(0, "127.0.0.1"), "listening"));
  afterAll(() => server.close());
  const port = () => (server.address() as AddressInfo).port;

  it("has ended the sockets that it made, whatever state they are in", async () => {
    const { stream, sever } = createSeverableSockets();
    const [connected, connecting, unused] = [stream(), stream(), stream()];
    await once(connected.connect(port(), "127.0.0.1"), "connect");
    connecting.connect(port(), "127.0.0.1");
    sever();
    expect([connected, connecting, unused].map((socket) => socket.destroyed)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("ends each that is still asked for, after its owner connects it", async () => {
    const { stream, sever } = createSeverableSockets();
    sever();
    const socket = stream();
    socket.connect(port(), "127.0.0.1");
    expect(socket.destroyed).toBe(false);
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});
