const BATCH = 500;

/**
 * Serves a log as server-sent events: first what the page has not seen, then what arrives. Each frame
 * is an array, so that 5,000 texts are 10 events for the page and not 5,000, and its id says where to
 * go on: browsers send the last one back as `Last-Event-ID` when they reconnect.
 */
function createEventStream(log) {
  const streams = new Set();

  function serve(req, res) {
    // A page whose EventSource gave up makes a new one, which cannot set the header.
    let next = positionAfter(req.get("Last-Event-ID") ?? req.query.after);
    // The first frame comes even if it holds no text: the counts may be new to the page.
    let hasNews = true;
    let isScheduled = false;
    let isFull = false;

    function schedule() {
      if (isScheduled || isFull) return;
      isScheduled = true;
      // Later, so that a burst of deliveries becomes one frame.
      setImmediate(send);
    }

    function onChange() {
      hasNews = true;
      schedule();
    }

    function send() {
      isScheduled = false;
      const batch = log.read(next, BATCH);
      if ((batch.entries.length === 0 && !hasNews) || res.writableEnded) return;
      next = batch.next;
      hasNews = false;
      const data = JSON.stringify({ run: log.run, entries: batch.entries, tally: log.tally() });
      // A page that reads slowly waits in the log, which is bounded, and not in the socket's buffer.
      isFull = !res.write(`id: ${log.run}:${next}\ndata: ${data}\n\n`);
      schedule();
    }

    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    if (req.method === "HEAD") return res.end();
    res.write("retry: 1000\n\n");
    res.on("drain", () => {
      isFull = false;
      schedule();
    });
    log.changes.on("change", onChange);
    streams.add(res);
    res.on("close", () => {
      log.changes.off("change", onChange);
      streams.delete(res);
    });
    schedule();
  }

  function positionAfter(id) {
    const [run, next] = String(id).split(":");
    return run === log.run && /^\d+$/.test(next) ? Number(next) : 0;
  }

  /** Ends every stream, without which the server would never have closed. */
  function close() {
    for (const res of streams) res.end();
  }

  return { serve, close };
}

module.exports = { createEventStream };
