// The load of the soak: new messages, retries, forged and malformed requests, at a steady rate.
import { Agent, request } from "node:http";

import { API_KEY, bodyOf, PATH, signatureHeaders } from "../support/notifications.mjs";

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
let port;
let next = 0;
const sent = { distinct: 0, retries: 0, unexpected: 0 };

const commands = {
  async measure({ seconds, rate }) {
    const statuses = {};
    const latencies = [];
    const end = performance.now() + seconds * 1000;
    const started = performance.now();
    let due = 0;
    const worker = async () => {
      while (performance.now() < end) {
        // At a fixed rate, each worker takes the next request when it is due.
        const wait = rate ? started + (due++ * 1000) / rate - performance.now() : 0;
        if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
        const { status, ms } = await sendOne();
        statuses[status] = (statuses[status] ?? 0) + 1;
        latencies.push(ms);
      }
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    latencies.sort((a, b) => a - b);
    const elapsed = (performance.now() - started) / 1000;
    const p99 = latencies[Math.floor(latencies.length * 0.99)];
    return { perSecond: latencies.length / elapsed, p99, statuses };
  },
};

/** Nine in ten are new messages. The rest are retries, forged, or not notifications at all. */
async function sendOne() {
  const kind = Math.random();
  if (kind < 0.9 || next === 0) return expect("200", bodyOf(next++), "distinct");
  if (kind < 0.95) return expect("200", bodyOf(next - 1), "retries");
  if (kind < 0.975)
    return expect("401", bodyOf(next), undefined, { "X-TS-Authorization": "forged" });
  return expect("400", '{"reference_id":"0123","status":{"code":200}}');
}

async function expect(status, body, count, headers = signatureHeaders(body, API_KEY)) {
  if (count) sent[count] += 1;
  const started = performance.now();
  const answer = await post(body, headers);
  if (String(answer) !== status) sent.unexpected += 1;
  return { status: answer, ms: performance.now() - started };
}

function post(body, headers) {
  return new Promise((resolve) => {
    const options = { port, host: "127.0.0.1", path: PATH, method: "POST", agent };
    const sending = request(
      { ...options, headers: { ...headers, "Content-Length": Buffer.byteLength(body) } },
      (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode));
      },
    );
    sending.on("error", ({ code }) => resolve(code));
    sending.end(body);
  });
}

process.on("message", async (command) => {
  if (command === "sent") return process.send(sent);
  if (command.port) port = command.port;
  process.send(command.port ? {} : await commands.measure(command));
});
