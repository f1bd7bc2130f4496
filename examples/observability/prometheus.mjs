// A receiver with metrics for Prometheus at /metrics, by prom-client. alerts.yml has alert rules.
// Run: npm install telesign-callback express prom-client; node prometheus.mjs
// Then: curl http://127.0.0.1:9464/metrics. METRICS_HOST sets another address; keep it private.
import { tracingChannel } from "node:diagnostics_channel";

import express from "express";
import { Counter, Gauge, Histogram, register } from "prom-client";
import { telesignCallback } from "telesign-callback";

const callback = telesignCallback({ path: "/telesign/4f9d0c", onMessage() {} });
callback.on("error", ({ code, message, cause }) => console.error(code, message, cause?.code));

const requests = new Counter({
  name: "telesign_callback_requests_total",
  help: "Callbacks, by how they ended",
  labelNames: ["outcome"],
});
const handOvers = new Histogram({
  name: "telesign_callback_handover_seconds",
  help: "Time that the listeners took for a message, by outcome",
  labelNames: ["outcome"],
});
for (const [Metric, name, help, count] of [
  [Gauge, "telesign_callback_waiting", "Notifications that wait in this process", "waiting"],
  [
    Counter,
    "telesign_callback_dead_letters_total",
    "Notifications that became dead letters",
    "deadLettered",
  ],
  [Counter, "telesign_callback_inbox_errors_total", "Errors of the inbox", "inboxErrors"],
]) {
  const collect = () => (metric.reset(), metric.inc(callback.stats()[count]));
  const metric = new Metric({ name, help, collect });
}

// Each series starts at 0, so that `increase` in an alert rule counts the first event.
const OUTCOMES = ["accepted", "duplicate", "rejected", "aborted", "failed"];
for (const outcome of OUTCOMES) requests.inc({ outcome }, 0);
for (const outcome of ["delivered", "failed"]) handOvers.zero({ outcome });
const countRequest = ({ outcome }) => requests.inc({ outcome });
tracingChannel("telesign-callback:request").asyncEnd.subscribe(countRequest);
const messages = tracingChannel("telesign-callback:message");
const timers = new WeakMap();
messages.start.subscribe((message) => timers.set(message, handOvers.startTimer()));
messages.asyncEnd.subscribe((message) => timers.get(message)?.({ outcome: message.outcome }));

function listen(app, port, host) {
  return app.listen(Number(port), host, function (error) {
    if (error) throw error; // such as EADDRINUSE
    console.log("listening on", this.address());
  });
}
const { PORT = "3000", METRICS_PORT = "9464", METRICS_HOST = "127.0.0.1" } = process.env;
const server = listen(express().use(callback), PORT, "127.0.0.1");
const report = async (req, res) => res.type(register.contentType).send(await register.metrics());
listen(express().get("/metrics", report), METRICS_PORT, METRICS_HOST);

async function shutDown() {
  server.close();
  await callback.close({ timeout: 8_000 });
  process.exit();
}
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, shutDown);
