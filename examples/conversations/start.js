// `npm start` runs this: it serves the page of app.js on a free port of 127.0.0.1, and plays
// TeleSign's part over HTTP. PORT sets the port. Ctrl-C drains and stops.
const { randomBytes } = require("node:crypto");
const { once } = require("node:events");
const { setTimeout } = require("node:timers/promises");

const { deliver, notification } = require("telesign-callback/testing");

const { createConversations } = require("./app.js");
const { documented, earlier, live } = require("./scenario.js");

// Random, because nothing is signed here: another web page open in the browser cannot guess it.
const PATH = `/telesign/${randomBytes(8).toString("hex")}`;

async function main() {
  const stopping = new AbortController();
  // The reader of the output, such as `head`, may close it.
  process.stdout.on("error", () => stopping.abort());
  const { app, callback, close } = createConversations({ path: PATH });
  printEvents(callback);
  const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1");
  await once(server, "listening");
  const page = `http://127.0.0.1:${server.address().port}`;

  const played = play(callback, page + PATH, stopping.signal).catch((error) => {
    if (!stopping.signal.aborted) throw error;
  });
  const isStopped = once(server, "close");
  // Not `once`: npm may pass on a Ctrl-C that this process has already got from the terminal. If
  // nothing listened to the second one, it would end the process at once.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stopping.abort());
  await once(stopping.signal, "abort");
  console.log("\nDraining…");

  // The sender stops first, so that everything sent is accepted and shown.
  await played;
  await close();
  server.close();
  server.closeAllConnections();
  await isStopped;
  printStats(callback);
}

/** Prints what the listeners see. */
function printEvents(callback) {
  const print = (kind, text) => console.log(`  ${kind.padEnd(11)}${text}`);
  callback.onMessage(({ from_phone_number, to_phone_number, mo_message }) =>
    print("message", `${from_phone_number} → ${to_phone_number}  ${printable(mo_message)}`),
  );
  callback.on("duplicate", ({ mo_reference_id }) =>
    print("duplicate", `${mo_reference_id} was a retry, suppressed`),
  );
  callback.on("rejected", ({ status, title, address = "unknown" }) =>
    print("rejected", `${status} ${title}, from ${printable(address)}`),
  );
}

function printStats(callback) {
  const { accepted, duplicates, rejected } = callback.stats();
  const refused = Object.values(rejected).reduce((total, count) => total + count, 0);
  console.log(
    `Stopped: ${accepted} messages, ${duplicates} suppressed retries, ${refused} rejected`,
  );
}

/** Replaces control characters, with which a stranger's text could rewrite the terminal. */
function printable(text) {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

async function play(callback, url, signal) {
  console.log(
    "TeleSign delivers its documented example, and then again, as if it had got no answer:\n",
  );
  // Listeners run after the answer, so `deliver` may return before the `duplicate` event.
  const isSuppressed = new Promise((resolve) => callback.on("duplicate", resolve));
  await deliverTimes(2, url, documented);
  await isSuppressed;
  printAddresses(url);
  for (const line of [...earlier, ...live]) {
    await setTimeout((line.after ?? 0) * 1_000, undefined, { signal });
    await deliverTimes(line.deliveries ?? 1, url, line.report ?? toNotification(line));
  }
}

/** Delivers the same bytes several times, as TeleSign does when our answer has not reached it. */
async function deliverTimes(times, url, sent) {
  for (let time = 1; time <= times; time += 1) await deliver(url, sent, { waits: [] });
}

function toNotification({ session, from, to, text, ago = 0 }) {
  const submitted = new Date(Date.now() - ago * 60_000).toISOString();
  return notification({
    submit_timestamp: submitted.replace("Z", "000"),
    session_reference_id: session,
    from_phone_number: from,
    to_phone_number: to,
    mo_message: text,
  });
}

function printAddresses(url) {
  const body = JSON.stringify(notification({ mo_message: "On my way" }));
  console.log(`
Page:      ${new URL("/", url)}
Callbacks: ${url}
Ctrl-C drains and stops. To send a text (the same line again is a retry, and is suppressed):

curl -H 'Content-Type: application/json' -d '${body}' ${url}

A conversation is playing:
`);
}

main().catch((error) => {
  const isPort = error.syscall === "listen" || error.code === "ERR_SOCKET_BAD_PORT";
  console.error(isPort ? `cannot listen on PORT=${process.env.PORT}: ${error.code}` : error);
  process.exit(1);
});
