const { randomUUID } = require("node:crypto");
const { EventEmitter } = require("node:events");

const MINUTES_KEPT = 30;

/**
 * What has arrived, oldest first and bounded twice: one text may be 64 kB long, so a bound on their
 * number alone would not bound the memory. What is dropped stays counted. Of what was rejected only
 * the last is kept, or whoever finds the address could flush everyone's texts with nonsense.
 *
 * Entries are numbered from 0, so that a page which lost its connection can name the last one it has.
 * `run` tells the numbers of this process from those of the one before a restart.
 */
function createEventLog({ maxEntries = 10_000, maxCharacters = 8_000_000 } = {}) {
  const run = randomUUID();
  const changes = new EventEmitter().setMaxListeners(0);
  const entries = [];
  const totals = { message: 0, duplicate: 0, rejected: 0 };
  const minutes = new Map();
  let lastRejection;
  let firstNumber = 0;
  let characters = 0;

  function addMessage(message) {
    countMinute(message.receivedAt);
    append({ kind: "message", ...message });
  }

  function addDuplicate(duplicate) {
    append({ kind: "duplicate", ...duplicate });
  }

  function addRejection(rejection) {
    lastRejection = rejection;
    count("rejected");
  }

  function append(entry) {
    entries.push(entry);
    characters += sizeOf(entry);
    while (entries.length > maxEntries || characters > maxCharacters) {
      characters -= sizeOf(entries.shift());
      firstNumber += 1;
    }
    count(entry.kind);
  }

  function count(kind) {
    totals[kind] += 1;
    changes.emit("change");
  }

  function countMinute(time) {
    const minute = Math.floor(time / 60_000);
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    for (const old of minutes.keys()) {
      if (old <= minute - MINUTES_KEPT) minutes.delete(old);
    }
  }

  /** Up to `limit` entries from `number` on, or from the oldest that is kept. */
  function read(number, limit) {
    const start = Math.max(number - firstNumber, 0);
    const found = entries.slice(start, start + limit);
    return { entries: found, next: firstNumber + start + found.length };
  }

  const tally = () => ({ ...totals, minutes: [...minutes], lastRejection });

  return { run, addMessage, addDuplicate, addRejection, read, tally, changes };
}

function sizeOf({ text = "" }) {
  return text.length;
}

module.exports = { createEventLog };
