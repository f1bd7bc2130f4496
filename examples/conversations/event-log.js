const { randomUUID } = require("node:crypto");
const { EventEmitter } = require("node:events");

/**
 * The texts and retries that have arrived, oldest first, as JSON. Both the number of entries and
 * their bytes are limited, because one text may be 64 kB long. Rejections are left out: otherwise
 * anyone who finds the address could push out everyone's texts.
 *
 * Entries are numbered from 0, so that a page which lost its connection can say where to continue.
 * `run` tells the numbers of this process from those before a restart.
 */
function createEventLog({ maxEntries = 10_000, maxBytes = 8_000_000 } = {}) {
  const run = randomUUID();
  const changes = new EventEmitter().setMaxListeners(0);
  const entries = [];
  let firstNumber = 0;
  let bytes = 0;

  function add(entry) {
    const json = JSON.stringify(entry);
    const size = Buffer.byteLength(json);
    entries.push({ json, size });
    bytes += size;
    while (entries.length > maxEntries || bytes > maxBytes) {
      bytes -= entries.shift().size;
      firstNumber += 1;
    }
    changes.emit("change");
  }

  /**
   * The entries from `number` on, or from the oldest that is kept: as many as fit into `most`
   * bytes, but at least one, if there are any.
   */
  function read(number, most) {
    const start = Math.max(number - firstNumber, 0);
    let end = start;
    let size = 0;
    while (end < entries.length && (end === start || size + entries[end].size <= most)) {
      size += entries[end].size;
      end += 1;
    }
    return {
      entries: entries.slice(start, end).map(({ json }) => json),
      next: firstNumber + end,
    };
  }

  return { run, add, read, changes };
}

module.exports = { createEventLog };
