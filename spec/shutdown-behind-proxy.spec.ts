import { once } from "node:events";
import { Agent, request } from "node:http";
import type { Socket } from "node:net";

import { freshNotification } from "./support/inbox-contract.js";
import { endExamples, exampleText, runExample } from "./support/run-example.js";

afterEach(endExamples);

/** The example, with a slow route added that keeps connections busy at every moment. */
const program = exampleText("graceful-shutdown.ts").replace(
  "app.use(callback);",
  '$& app.get("/slow", (_req, res) => void pause(50).then(() => res.send("well")));',
);

/** Sends requests without a pause on connections that are kept alive, as a proxy does. */
function startTraffic(origin: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const acknowledged: string[] = [];
  let isOver = false;

  function send(method: string, path: string, body = "") {
    return new Promise<number | undefined>((resolve) => {
      const req = request(`${origin}${path}`, { method, agent }, (res) => {
        res.resume().on("close", () => resolve(res.statusCode));
      });
      req.on("error", () => resolve(undefined));
      req.end(body);
    });
  }

  async function keepBusy() {
    while (!isOver && (await send("GET", "/slow")) !== undefined);
  }

  async function deliver() {
    const message = freshNotification();
    const status = await send("POST", "/telesign/4f9d0c", JSON.stringify(message));
    if (status === 200) acknowledged.push(message.mo_reference_id);
  }

  const busy = [keepBusy(), keepBusy()];

  async function stop() {
    isOver = true;
    await Promise.all(busy);
    agent.destroy();
  }

  return { deliver, acknowledged, stop };
}

describe("a graceful shutdown", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "ends on %s behind a proxy that keeps connections busy, once the listener of every acknowledged text is done",
    async (signal) => {
      const { child, nextLine, url } = await runExample(program);
      const traffic = startTraffic(url);
      await Promise.all([traffic.deliver(), traffic.deliver()]);
      for (const wanted of ["begins", "begins"]) expect(await nextLine()).toContain(wanted);

      const exit = once(child, "exit");
      child.kill(signal);
      const done = [await nextLine(), await nextLine()];
      expect(await nextLine()).toBe("closed");
      expect(await exit).toEqual([0, null]);
      await traffic.stop();
      expect(done.sort()).toEqual(traffic.acknowledged.map((each) => `done   ${each}`).sort());
      expect(done).toHaveLength(2);
    },
    15_000,
  );

  it("ends although a WebSocket, which Node's server does not close, stays open", async () => {
    const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"];
    const answer = JSON.stringify(`${lines.join("\r\n")}\r\n\r\n`);
    const upgrading = program.replace(
      "async function shutDown",
      `server.on("upgrade", (_req, socket) => socket.write(${answer}));\n$&`,
    );
    const { child, nextLine, url } = await runExample(upgrading);
    const headers = { Connection: "Upgrade", Upgrade: "websocket" };
    const opening = request(url, { headers }).end();
    const [, socket] = (await once(opening, "upgrade")) as [unknown, Socket];
    socket.on("error", () => undefined);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await nextLine()).toBe("closed");
    expect(await exit).toEqual([0, null]);
    socket.destroy();
  }, 8_000);
});
