// A page that shows masked conversations live, as a support desk would want to see them.
// `npm start` runs it; see start.js.
const path = require("node:path");

const express = require("express");
const { telesignCallback } = require("telesign-callback");

const { createBoard } = require("./board.js");
const { createEventLog } = require("./event-log.js");
const { createEventStream } = require("./event-stream.js");
const { contentSecurity, onlyForThisMachine, refuseOtherPages } = require("./guards.js");

/**
 * Makes the app. `log` and `stream` are options of the event log and the event stream; everything
 * else is an option of `telesignCallback`.
 */
function createConversations({ log: logOptions, stream: streamOptions, ...options } = {}) {
  const callback = telesignCallback(options);
  const log = createEventLog(logOptions);
  const board = createBoard(callback, options.inbox);
  const stream = createEventStream({ log, board, ...streamOptions });

  callback.onMessage((message, { receivedAt, submittedAt }) => {
    log.add({
      kind: "message",
      reference: message.mo_reference_id,
      session: message.session_reference_id,
      from: message.from_phone_number,
      to: message.to_phone_number,
      text: message.mo_message,
      sentAt: (submittedAt ?? receivedAt).getTime(),
      receivedAt: receivedAt.getTime(),
    });
  });
  callback.on("duplicate", (message) => {
    log.add({ kind: "duplicate", reference: message.mo_reference_id });
  });
  // This prints no message content. Without a listener, the package would print a line itself.
  callback.on("error", (error) => console.error(`${error.code}: ${error.message}`));

  const app = express();
  app.disable("x-powered-by");
  app.use(refuseOtherPages);
  app.use(callback);
  app.use(onlyForThisMachine);
  app.use(contentSecurity());
  app.get("/events", stream.serve);
  app.use(express.static(path.join(__dirname, "public")));

  async function close() {
    await callback.close();
    stream.close();
    board.close();
  }

  return { app, callback, close };
}

module.exports = { createConversations };
