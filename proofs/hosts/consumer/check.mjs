/** Checks what users rely on, in any runtime: takes the modules by name, throws if they fail. */
export async function check(modules) {
  const { "telesign-callback": main, "telesign-callback/testing": testing } = modules;
  const express = modules.express.default ?? modules.express;
  const same = (actual, expected) => {
    const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value));
    if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
  };
  const apiKey = "c2VjcmV0";
  const events = [];
  const inbox = main.memoryInbox({ max: 10, ttl: 60_000 });
  const callback = main.telesignCallback({ path: "/4f9d0c", apiKey, inbox });
  callback.onMessage((message) => events.push(`message ${message.mo_message}`));
  callback.on("duplicate", () => events.push("duplicate"));
  callback.on("rejected", ({ status }) => events.push(`rejected ${status}`));
  const app = express().use("/telesign", callback);
  app.get("/health", (req, res) => res.send("well"));

  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const text = testing.notification({ mo_message: "hi" });
  const statuses = [];
  const waits = [0, 0];
  for (const options of [{ apiKey, waits }, { apiKey, waits }, { waits }]) {
    const attempts = await testing.deliver(`${origin}/telesign/4f9d0c`, text, options);
    statuses.push(...attempts.map(({ status }) => status));
  }
  same(await (await fetch(`${origin}/health`)).text(), "well");
  await callback.close();
  server.close();

  same(statuses, [200, 200, 401, 401, 401]);
  same(events.sort(), ["duplicate", "message hi", ...Array(3).fill("rejected 401")]);
  const { Authorization } = testing.sign("{}", { apiKey });
  same(main.verifySignature("{}", Authorization, apiKey), true);
  same(main.notificationSchema.validate(text).error, undefined);
  const failure = new main.TelesignCallbackError("ERR_INBOX", "text");
  same([failure instanceof Error, failure.code], [true, "ERR_INBOX"]);
  for (const entry of Object.values(modules)) {
    same(
      Object.values(entry).some((value) => typeof value === "function"),
      true,
    );
  }
}
