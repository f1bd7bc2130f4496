const { EventEmitter } = require("node:events");

const { createDeadLetters } = require("./dead-letters.js");

const MINUTES_KEPT = 30;
const REJECTIONS_KEPT = 20;
const FIELDS_SHOWN = 10;
const LONGEST_ADDRESS = 64;
const SOON = 50;
const OFTEN = 2_000;

/**
 * What the page shows beside the texts: the counts of `stats()`, the number of texts in each
 * minute, the last rejections, and the dead letters if the inbox keeps them. `json()` returns them,
 * and `changes` emits "change" when any has changed.
 */
function createBoard(callback, inbox) {
  const changes = new EventEmitter().setMaxListeners(0);
  const startedAt = Date.now();
  const minutes = createMinutes();
  const rejections = [];
  const deadLetters = createDeadLetters(inbox, update);
  let json = "";
  let soon;

  callback.onMessage((_message, { receivedAt, attempt }) => {
    // A durable inbox hands a text over again after a failure. Each text counts once.
    if (attempt === 1) minutes.count(receivedAt);
    updateSoon();
  });
  callback.on("duplicate", updateSoon);
  callback.on("rejected", (rejection) => {
    rejections.unshift(toShown(rejection));
    rejections.splice(REJECTIONS_KEPT);
    updateSoon();
  });
  callback.on("error", ({ code }) => {
    if (code === "ERR_DEAD_LETTER") void deadLetters.read();
    updateSoon();
  });
  // Some changes cause no event: a listener finishes, or another process changes a shared inbox.
  const often = setInterval(update, OFTEN).unref();

  /** Updates later, so that a burst of deliveries causes one update, after its listeners. */
  function updateSoon() {
    soon ??= setTimeout(update, SOON).unref();
  }

  function update() {
    clearTimeout(soon);
    soon = undefined;
    const board = {
      startedAt,
      stats: callback.stats(),
      minutes: minutes.counts(),
      rejections,
      deadLetters: deadLetters.latest(),
    };
    const next = JSON.stringify(board);
    if (next === json) return;
    json = next;
    changes.emit("change");
  }

  function close() {
    clearTimeout(soon);
    clearInterval(often);
    deadLetters.close();
  }

  update();
  return { json: () => json, changes, close };
}

/** Counts the texts of each minute, for the last `MINUTES_KEPT` minutes. */
function createMinutes() {
  const counts = new Map();

  function count(time) {
    const minute = Math.floor(time.getTime() / 60_000);
    counts.set(minute, (counts.get(minute) ?? 0) + 1);
    for (const old of counts.keys()) {
      if (old <= minute - MINUTES_KEPT) counts.delete(old);
    }
  }

  return { count, counts: () => [...counts] };
}

function toShown({ status, title, errors, receivedAt, address }) {
  return {
    status,
    title,
    fields: errors.slice(0, FIELDS_SHOWN),
    // Behind a proxy, the address comes from a header, which may contain anything.
    address: address?.slice(0, LONGEST_ADDRESS),
    receivedAt: receivedAt.getTime(),
  };
}

module.exports = { createBoard };
