// The receiver under attack, which receivers.mjs starts:
//
//   node receiver.mjs package|bare <number of API keys>
import express from "express";
import { telesignCallback } from "telesign-callback";

const [, , name, keys] = process.argv;

/** What the package is compared with: a handler that parses the body and checks nothing. */
function bare(app) {
  app.post("/hook", express.json(), (req, res) => res.sendStatus(200));
}

function packaged(app) {
  const apiKey = Array.from({ length: Number(keys) }, (_, index) =>
    Buffer.alloc(64, index + 1).toString("base64"),
  );
  const callback = telesignCallback({ path: "/hook", ...(apiKey.length > 0 && { apiKey }) });
  callback.onMessage(() => {});
  callback.on("rejected", () => {});
  app.use(callback);
}

const app = express();
(name === "bare" ? bare : packaged)(app);
app.use((error, req, res, next) => (res.headersSent ? next(error) : res.sendStatus(400)));
const server = app.listen(0, "127.0.0.1", () => process.send(server.address().port));

const answers = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  heap() {
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  },
};
process.on("message", (question) => process.send(answers[question]()));
process.on("disconnect", () => process.exit());
