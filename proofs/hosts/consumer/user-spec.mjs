/** A user's spec, as in the README: the app receives a text, and its own route still answers. */
export async function receivesAText({ express, main, testing, get }) {
  const path = "/telesign/4f9d0c";
  const apiKey = "c2VjcmV0";
  const texts = [];
  const onMessage = ({ mo_message }) => texts.push(mo_message);
  const callback = main.telesignCallback({ path, apiKey, onMessage });
  const app = express().use(callback);
  app.get("/health", (req, res) => res.send("well"));
  const message = testing.notification({ mo_message: "hi" });
  const attempts = await testing.deliver(app, message, { path, apiKey, waits: [] });
  await callback.settled();
  const health = await new Promise((resolve, reject) => {
    const server = app.listen(0, "127.0.0.1", () => {
      get({ port: server.address().port, path: "/health", agent: false }, (res) => {
        res.on("data", (chunk) => resolve(`${chunk}`));
        res.on("end", () => server.close());
      }).on("error", reject);
    });
  });
  await callback.close();
  const seen = JSON.stringify([attempts.map(({ status }) => status), texts, health]);
  if (seen !== '[[200],["hi"],"well"]') throw new Error(`got ${seen}`);
}
