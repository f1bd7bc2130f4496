import { once } from "node:events";

import { onHangUp } from "../lib/hang-up.js";
import { dial, listen } from "./support/wire.js";

/** Both ends of a connection. */
async function connection() {
  const { server, port } = await listen(() => {});
  const accepted = once(server, "connection");
  const client = await dial(port);
  const [socket] = (await accepted) as [typeof client];
  return { client, socket };
}

describe("onHangUp", () => {
  it("calls back all who wait, when the connection is gone", async () => {
    const { client, socket } = await connection();
    const waiting = [jest.fn(), jest.fn()];
    waiting.forEach((callback) => onHangUp(socket, callback));
    const gone = once(socket, "close");
    client.destroy();
    await gone;
    for (const callback of waiting) expect(callback).toHaveBeenCalledTimes(1);
  });

  it("does not call back whoever has called it off, and keeps nothing of him", async () => {
    const { client, socket } = await connection();
    const [off, on] = [jest.fn(), jest.fn()];
    onHangUp(socket, off)();
    onHangUp(socket, on);
    const gone = once(socket, "close");
    client.destroy();
    await gone;
    expect(off).not.toHaveBeenCalled();
    expect(on).toHaveBeenCalledTimes(1);
  });

  it("listens once, however many wait", async () => {
    const { socket } = await connection();
    const before = socket.listenerCount("close");
    for (let count = 0; count < 20; count += 1) onHangUp(socket, () => {});
    expect(socket.listenerCount("close")).toBe(before + 1);
  });
});
