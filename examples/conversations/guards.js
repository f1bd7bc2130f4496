const helmet = require("helmet");

/** Headers that a tunnel adds to a request. They reveal even a tunnel that rewrites `Host`. */
const FORWARDING_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "via",
];

/**
 * Refuses what a browser sends for another web page, which could otherwise post made-up texts to
 * this port. Every browser sends `Origin` with a POST to another origin, and recent ones send
 * `Sec-Fetch-Site` with every request. TeleSign and `curl` send neither.
 */
function refuseOtherPages(req, res, next) {
  const { origin, host, "sec-fetch-site": site = "none" } = req.headers;
  const isOwn = origin === undefined || origin === `http://${host}`;
  if (isOwn && ["same-origin", "none"].includes(site)) next();
  else res.status(403).type("text").send("Not for other web pages");
}

/**
 * Hides the page unless the request names this machine and came directly. Otherwise it could be
 * read through the tunnel that TeleSign needs, which leads to this port, or by a web site whose own
 * name resolves to 127.0.0.1.
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
        // With this, the browser itself refuses to turn a text into markup.
        requireTrustedTypesFor: ["'script'"],
      },
    },
    // This header has no effect over plain HTTP, and there is no TLS on 127.0.0.1.
    strictTransportSecurity: false,
  });
}

module.exports = { refuseOtherPages, onlyForThisMachine, contentSecurity };
