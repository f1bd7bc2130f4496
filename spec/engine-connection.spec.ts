import { endConnection, hasClosed } from "../lib/bullmq/engine-connection.js";

const never = () => new Promise<void>(() => {});
const refuse = () => Promise.reject(new Error("refused"));

describe("hasClosed", () => {
  it("is true for a connection that has closed", async () => {
    expect(await hasClosed(Promise.resolve())).toBe(true);
  });

  it("is false for a connection that refused to close", async () => {
    expect(await hasClosed(refuse())).toBe(false);
  });
});

describe("endConnection", () => {
  it.each([
    ["refuses everything", refuse],
    ["never answers", never],
  ])(
    "destroys the connection if the engine %s",
    async (_, answer) => {
      const backend = { disconnectBlocking: answer, close: answer, disconnect: answer };
      const destroy = jest.fn();
      await endConnection({ backend, ownsConnections: true, destroy, onEnd: () => {} });
      expect(destroy).toHaveBeenCalledTimes(1);
    },
    10_000,
  );

  it("leaves the user's own client open", async () => {
    const disconnect = jest.fn(never);
    const backend = { disconnectBlocking: refuse, close: () => Promise.resolve(), disconnect };
    await endConnection({ backend, ownsConnections: false, destroy: () => {}, onEnd: () => {} });
    expect(disconnect).not.toHaveBeenCalled();
  });
});
