// Counts callbacks and times hand-overs, with OpenTelemetry's metrics. Copy this file, and call
// `measureCallbacks([callback])` once in each process, with all its callbacks.
import { tracingChannel } from "node:diagnostics_channel";

import { metrics } from "@opentelemetry/api";

const OUTCOMES = ["accepted", "duplicate", "rejected", "aborted", "failed"];

export function measureCallbacks(callbacks, meter = metrics.getMeter("telesign-callback")) {
  const requests = meter.createCounter("telesign_callback_requests_total");
  const handOvers = meter.createHistogram("telesign_callback_handover_seconds", {
    unit: "s",
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60] },
  });
  const waiting = meter.createObservableGauge("telesign_callback_waiting");
  const deadLetters = meter.createObservableCounter("telesign_callback_dead_letters_total");
  const inboxErrors = meter.createObservableCounter("telesign_callback_inbox_errors_total");
  const startedAt = new WeakMap();

  // Each series starts at 0, so that `increase` in an alert rule counts the first callback.
  for (const outcome of OUTCOMES) requests.add(0, { outcome });
  tracingChannel("telesign-callback:request").asyncEnd.subscribe(({ outcome }) => {
    requests.add(1, { outcome });
  });

  const messages = tracingChannel("telesign-callback:message");
  messages.start.subscribe((message) => startedAt.set(message, performance.now()));
  messages.asyncEnd.subscribe((message) => {
    const milliseconds = performance.now() - startedAt.get(message);
    handOvers.record(milliseconds / 1000, { outcome: message.outcome });
  });

  const sum = (count) => callbacks.reduce((total, { stats }) => total + stats()[count], 0);
  waiting.addCallback((gauge) => gauge.observe(sum("waiting")));
  deadLetters.addCallback((counter) => counter.observe(sum("deadLettered")));
  inboxErrors.addCallback((counter) => counter.observe(sum("inboxErrors")));
}
