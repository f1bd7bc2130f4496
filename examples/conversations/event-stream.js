const FRAME_BYTES = 256_000;

/**
 * Serves a log and a board as server-sent events: first what the page has not seen, then what
 * arrives. Each `texts` frame is an array, so that 5,000 texts are a few events for the page. Its
 * id says where to continue: a browser that reconnects sends the last one as `Last-Event-ID`.
 *
 * Memory is bounded: there are at most `maxStreams` streams, a stream gets no further frame while
 * its buffer is full, and a stream whose buffer does not empty within `drainTimeout` ms is cut off.
 */
function createEventStream({ log, board, maxStreams = 32, drainTimeout = 10_000 }) {
  const streams = new Set();

  function serve(req, res) {
    if (streams.size >= maxStreams) {
      return res.status(503).set("Retry-After", "5").type("text").send("Too many open pages");
    }
    res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    if (req.method === "HEAD") return res.end();
    res.write("retry: 1000\n\n");
    streams.add(res);
    res.on("close", () => streams.delete(res));
    // If the browser gave up, the page makes a new EventSource. That cannot set the header, so it
    // sends `after`.
    send(res, positionAfter(req.get("Last-Event-ID") ?? req.query.after));
  }

  function send(res, start) {
    let next = start;
    let shownBoard;
    let scheduled;
    let deadline;

    function schedule() {
      // Sent later, so that a burst of deliveries becomes one frame.
      if (!deadline) scheduled ??= setImmediate(sendFrame);
    }

    function sendFrame() {
      scheduled = undefined;
      if (res.writableEnded || res.destroyed) return;
      const frame = nextFrame();
      if (frame === "") return;
      // What a slow page has not read waits in the log, which is bounded, not in the socket.
      if (res.write(frame)) schedule();
      else deadline = setTimeout(() => res.destroy(), drainTimeout).unref();
    }

    function nextFrame() {
      if (shownBoard !== board.json()) {
        shownBoard = board.json();
        return `event: board\ndata: ${shownBoard}\n\n`;
      }
      const read = log.read(next, FRAME_BYTES);
      next = read.next;
      if (read.entries.length === 0) return "";
      return `event: texts\nid: ${log.run}:${next}\ndata: [${read.entries.join(",")}]\n\n`;
    }

    res.on("drain", () => {
      clearTimeout(deadline);
      deadline = undefined;
      schedule();
    });
    log.changes.on("change", schedule);
    board.changes.on("change", schedule);
    res.on("close", () => {
      clearTimeout(deadline);
      log.changes.off("change", schedule);
      board.changes.off("change", schedule);
    });
    schedule();
  }

  function positionAfter(id) {
    const [run, next] = String(id).split(":");
    return run === log.run && /^\d+$/.test(next) ? Number(next) : 0;
  }

  /** Ends every stream: otherwise the server would never close. */
  function close() {
    for (const res of streams) res.end();
  }

  return { serve, close };
}

module.exports = { createEventStream };
