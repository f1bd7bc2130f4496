// A page that shows masked conversations live, as a support desk or a trust and safety team would
// want to see them. `npm start` runs it; see start.js.
const path = require("node:path");

const express = require("express");
const helmet = require("helmet");
const { telesignCallback } = require("telesign-callback");

const { createEventLog } = require("./event-log.js");
const { createEventStream } = require("./event-stream.js");

/** What a tunnel adds, by which one that rewrites `Host` is known. */
const FORWARDING_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "via",
];

/** Makes the app. Everything but `log` is an option of `telesignCallback`. */
function createConversations({ log: logOptions, ...options } = {}) {
  const callback = telesignCallback(options);
  const log = createEventLog(logOptions);
  const stream = createEventStream(log);

  callback.onMessage((message, { receivedAt, submittedAt }) => {
    log.addMessage({
      reference: message.mo_reference_id,
      session: message.session_reference_id,
      from: message.from_phone_number,
      to: message.to_phone_number,
      text: message.mo_message,
      sentAt: (submittedAt ?? receivedAt).getTime(),
      receivedAt: receivedAt.getTime(),
    });
  });
  callback.on("duplicate", (message, { receivedAt }) => {
    log.addDuplicate({ reference: message.mo_reference_id, receivedAt: receivedAt.getTime() });
  });
  callback.on("rejected", ({ status, title }) => {
    log.addRejection({ status, title, receivedAt: Date.now() });
  });

  const app = express();
  app.disable("x-powered-by");
  app.use(callback);
  app.use(onlyForThisMachine);
  app.use(contentSecurity());
  app.get("/events", stream.serve);
  app.use(express.static(path.join(__dirname, "public")));

  async function close() {
    await callback.close();
    stream.close();
  }

  return { app, callback, close };
}

/**
 * Keeps the page from whoever comes by another name: through the tunnel that TeleSign needs, which
 * leads to this port, or through a web site that lets its own name resolve to 127.0.0.1.
 */
function onlyForThisMachine(req, res, next) {
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(hostOf(req));
  if (isLocal && !FORWARDING_HEADERS.some((name) => name in req.headers)) next();
  else res.status(404).type("text").send("Not found");
}

function hostOf({ headers: { host = "" } }) {
  return host.replace(/:\d+$/, "");
}

function contentSecurity() {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        // The browser itself then refuses to turn a text into markup.
        requireTrustedTypesFor: ["'script'"],
      },
    },
    // For plain HTTP it says nothing, and on 127.0.0.1 there is no TLS.
    strictTransportSecurity: false,
  });
}

module.exports = { createConversations };
