// The load, in its own process: one request at a time on each connection.
import { connect } from "node:net";

import { bodyOf, requestOf } from "../proofs/support/notifications.mjs";

process.on("message", async ({ port, connections, from, count, apiKey, text }) => {
  const requests = Array.from({ length: count }, (_, index) =>
    requestOf(bodyOf(from + index, text), apiKey),
  );
  const started = performance.now();
  const { latencies, statuses } = await send(requests, port, connections);
  const seconds = (performance.now() - started) / 1000;
  latencies.sort();
  const quantile = (share) => latencies[Math.floor(share * (count - 1))];
  process.send({ seconds, statuses, p50: quantile(0.5), p99: quantile(0.99) });
});
process.on("disconnect", () => process.exit());

/** Sends all requests; resolves to the latencies in ms and the number of answers by status. */
function send(requests, port, connections) {
  const latencies = new Float64Array(requests.length);
  const statuses = {};
  let sent = 0;
  let answered = 0;
  return new Promise((resolve, reject) => {
    for (let i = 0; i < connections; i += 1) open();
    spin();

    // This process never sleeps while answers are outstanding. Otherwise the kernel would charge
    // the server about 20 µs for waking it, and a slow server more often.
    function spin() {
      if (answered < requests.length) setImmediate(spin);
    }

    function open() {
      let index = 0;
      let sentAt = 0;
      let answer = "";
      const buffer = Buffer.allocUnsafe(4096);
      // One buffer for each connection costs half as much as a stream's new one for each answer.
      const onread = { buffer, callback: read };
      const socket = connect({ port, host: "127.0.0.1", onread }, next);
      socket.setNoDelay(true);
      socket.on("error", reject);

      function next() {
        if (sent === requests.length) return socket.end();
        index = sent++;
        sentAt = performance.now();
        socket.write(requests[index]);
      }

      function read(length) {
        answer += buffer.latin1Slice(0, length);
        if (!isWhole(answer)) return true;
        latencies[index] = performance.now() - sentAt;
        const status = answer.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        answer = "";
        answered += 1;
        if (answered === requests.length) resolve({ latencies, statuses });
        next();
        return true;
      }
    }
  });
}

/** Whether the whole answer has arrived. Every contender sends a Content-Length. */
function isWhole(answer) {
  const end = answer.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const header = answer.indexOf("ontent-Length: ");
  return answer.length - end - 4 >= parseInt(answer.slice(header + 15), 10);
}
