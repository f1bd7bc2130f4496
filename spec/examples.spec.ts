import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import express from "express";
import { telesignCallback } from "telesign-callback";
import { deliver, notification } from "telesign-callback/testing";

import documented from "./fixtures/documented.json";
import { runBuilt } from "./support/command-line.js";
import { blocks, commandsIn, guides, wordsOf } from "./support/documents.js";
import { endExamples, exampleText, runExample, runToEnd } from "./support/run-example.js";

const readme = guides.find(({ file }) => file === "README.md")!.text;

afterEach(endExamples);

describe("the examples", () => {
  it.each(["server.ts", "server.cjs"])(
    "%s prints a text once, even if it is delivered twice",
    async (file) => {
      const { nextLine, send } = await runExample(exampleText(file));
      expect(await (await send()).json()).toEqual({ status: "accepted" });
      expect(await (await send()).json()).toEqual({ status: "duplicate" });
      expect(await nextLine()).toBe(
        "15551234 says: I am standing at the corner wearing a blue shirt",
      );
    },
  );

  it("signed-behind-proxy.ts accepts only signed, recent callbacks from TeleSign's addresses", async () => {
    const key = "c2VjcmV0";
    const { nextLine, url } = await runExample(exampleText("signed-behind-proxy.ts"), {
      TELESIGN_API_KEY: key,
      TELESIGN_ADDRESSES: "192.0.2.0/24",
    });
    const send = (message: object, from: string, signKey = key) => {
      const text = JSON.stringify(message);
      const signature = createHmac("sha256", Buffer.from(signKey, "base64")).update(text);
      return fetch(`${url}/telesign/4f9d0c`, {
        method: "POST",
        body: text,
        headers: { "x-forwarded-for": from, "x-ts-authorization": signature.digest("base64") },
      });
    };
    const now = { ...documented, submit_timestamp: new Date().toISOString() };
    await send(now, "192.0.2.7");
    expect(await nextLine()).toBe("accepted SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N");
    await send(now, "203.0.113.7");
    expect(await nextLine()).toBe("rejected 403 Address not allowed");
    await send(now, "192.0.2.7", "b3RoZXI=");
    expect(await nextLine()).toBe("rejected 401 Signature missing or wrong");
    await send(documented, "192.0.2.7");
    expect(await nextLine()).toBe("rejected 400 Notification too old, or of unknown age");
  });

  it("ahead-of-app.ts receives callbacks, and leaves every other request to the app", async () => {
    const { nextLine, send, url } = await runExample(exampleText("ahead-of-app.ts"));
    await send();
    expect(await nextLine()).toBe("received: I am standing at the corner wearing a blue shirt");
    expect(await (await fetch(`${url}/health`)).text()).toBe("well");
  });

  it("graceful-shutdown.ts loses no text between the 200 and the end of its listener", async () => {
    const { child, nextLine, send } = await runExample(exampleText("graceful-shutdown.ts"));
    await send({ connection: "close" });
    expect(await nextLine()).toBe("begins SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N");
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await nextLine()).toBe("done   SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N");
    expect(await nextLine()).toBe("closed");
    expect(await exit).toEqual([0, null]);
  });
});

describe("an example whose port is taken", () => {
  it.each([
    ...["server.ts", "server.cjs", "graceful-shutdown.ts", "signed-behind-proxy.ts"],
    ...["ahead-of-app.ts", "durable/receiver.mjs", "durable/board.mjs"],
    ...["observability/opentelemetry.mjs", "observability/prometheus.mjs"],
  ])(
    "ends and says why: %s",
    async (file) => {
      const other = createServer().listen(0, "127.0.0.1");
      await once(other, "listening");
      const { port } = other.address() as AddressInfo;
      const { status, errors } = await runToEnd(file, {
        PORT: `${port}`,
        METRICS_PORT: "0",
        REDIS_PORT: `${port}`,
        BOARD_PASSWORD: "key",
        TELESIGN_API_KEY: "c2VjcmV0",
        TELESIGN_ADDRESSES: "192.0.2.0/24",
      });
      other.close();
      expect([status, errors]).toEqual([1, expect.stringContaining("EADDRINUSE")]);
    },
    30_000,
  );
});

describe("the README's server", () => {
  const inReadme = blocks.filter(({ name }) => name.startsWith("README.md"));
  const [server] = inReadme.filter(({ language }) => language === "ts");
  /** The server on a free port instead of 3000. It prints the port. */
  const quickstart = server!.code.replace(
    "app.listen(3000);",
    'app.listen(0, "127.0.0.1", () => console.log(server.address()));',
  );

  it("prints the text that the README's first command sends it", async () => {
    const [first = ""] = inReadme
      .flatMap(commandsIn)
      .filter((line) => line.includes("callback send"));
    const { nextLine, url } = await runExample(quickstart);
    const [, , ...args] = wordsOf(first.replace("http://127.0.0.1:3000", url));
    expect(await runBuilt(args)).toMatchObject({ status: 0, err: "" });
    expect(await nextLine()).toBe("15551234 says: Where are you?");
  });

  it("ends on SIGTERM with the README's lines for closing", async () => {
    const closing = inReadme.find(({ code }) => code.includes("SIGTERM"))!;
    const { child, nextLine, send } = await runExample(quickstart + closing.code);
    await send();
    expect(await nextLine()).toMatch(/^15551234 says: /);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  });
});

describe("the README's table of what ran before the callback", () => {
  const before: Record<string, express.RequestHandler> = {
    "express.json()": express.json(),
    "express.json({ verify })": express.json({
      verify: (req, _res, bytes) => void Object.assign(req, { rawBody: bytes }),
    }),
    "express.raw()": express.raw({ type: "*/*" }),
  };
  const row = (name: string) =>
    new RegExp(`^\\| \\W*${name.replace(/\W/g, "\\$&")}.*?\\| (yes|no, they get 500) +\\|`, "m");

  it.each(Object.entries(before))("is right about %s", async (name, middleware) => {
    const [, answer] = row(name).exec(readme)!;
    const callback = telesignCallback({ apiKey: "c2VjcmV0", onMessage() {} });
    callback.on("error", () => {});
    const app = express().use(middleware).use(callback);
    const options = { apiKey: "c2VjcmV0", waits: [] };
    const [attempt] = await deliver(app, notification(), options);
    expect(attempt!.status).toBe(answer === "yes" ? 200 : 500);
  });
});
