// A receiver or a worker, with the OpenTelemetry code of examples/observability and exporters in
// memory. Started by observed.ts.
import { tracingChannel } from "node:diagnostics_channel";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

import { measureCallbacks } from "../../examples/observability/metrics.mjs";
import { contextManager, traceCallbacks } from "../../examples/observability/spans.mjs";

const settings = JSON.parse(process.argv[2]);
const { path = "/" } = settings;
const spans = new InMemorySpanExporter();
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const spanProcessors = [new SimpleSpanProcessor({ exporter: spans })];
const reader = new PeriodicExportingMetricReader({ exporter: measured });
context.setGlobalContextManager(contextManager);
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }));
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

// The instrumentations wrap what is required after them.
const require = createRequire(import.meta.url);
if (settings.instrumentations) instrument(settings.instrumentations);
const express = require("express");
const { telesignCallback } = require("telesign-callback");

/** What was published on the two channels, as it was then. */
const published = [];
for (const name of ["telesign-callback:request", "telesign-callback:message"]) {
  for (const phase of ["start", "end", "asyncStart", "asyncEnd", "error"]) {
    tracingChannel(name)[phase].subscribe((subject) => {
      published.push(
        `${name} ${phase}: ${inspect(subject, { depth: Infinity, showHidden: true })}`,
      );
    });
  }
}
traceCallbacks();

const { apiKey } = settings;
const inbox = settings.inbox && openInbox(settings.inbox);
const callback = telesignCallback({ path, ...(apiKey && { apiKey }), ...(inbox && { inbox }) });
const events = [];
callback.on("error", (error) => events.push(inspect(error, { depth: Infinity })));
callback.on("rejected", (rejection) => events.push(inspect(rejection, { depth: Infinity })));
measureCallbacks([callback]);
if (settings.consumes) callback.onMessage(listen);

async function listen(message, { attempt }) {
  await sleep(1);
  const span = trace.getTracer("app").startSpan("work of the listener");
  await sleep(1);
  span.end();
  if (attempt <= settings.failures) throw new RangeError("the listener failed");
}

tracingChannel("telesign-callback:message").asyncEnd.subscribe(({ outcome }) => {
  // By the next turn, the spans of this hand-over have ended.
  setImmediate(() => process.send({ outcome }));
});

const server = express()
  .use(callback)
  .listen(0, "127.0.0.1", () => {
    process.send({ port: server.address().port });
  });

process.once("message", async () => {
  server.close();
  server.closeAllConnections();
  await callback.close();
  await reader.forceFlush();
  const report = {
    spans: spans.getFinishedSpans().map(plainSpan),
    metrics: measured.getMetrics().at(-1).scopeMetrics.flatMap(plainMetrics),
    stats: callback.stats(),
    published,
    events,
  };
  // The report could be lost if the process ended before it was sent.
  process.send(report, () => process.exit());
});

function openInbox({ engine, options }) {
  if (engine === "SQLite") return require("telesign-callback/sqlite").sqliteInbox(options);
  const { bullmqInbox } = require("telesign-callback/bullmq");
  if (engine === "Redis") return bullmqInbox(options);
  const { createPostgresBackend } = require("bullmq");
  return bullmqInbox({ ...options, backend: createPostgresBackend });
}

function instrument({ http }) {
  const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
  const { ExpressInstrumentation } = require("@opentelemetry/instrumentation-express");
  const { IORedisInstrumentation } = require("@opentelemetry/instrumentation-ioredis");
  const { PgInstrumentation } = require("@opentelemetry/instrumentation-pg");
  // As docs/observability.md says.
  const startIncomingSpanHook = ({ url }) =>
    url.includes(path) ? { "url.path": "(private)" } : {};
  new HttpInstrumentation(http === "as documented" ? { startIncomingSpanHook } : {});
  new ExpressInstrumentation();
  new IORedisInstrumentation();
  new PgInstrumentation();
}

function plainSpan(span) {
  const { name, attributes, status, events, links, parentSpanContext } = span;
  const { traceId, spanId } = span.spanContext();
  const [start, duration] = [span.startTime, span.duration].map(([s, ns]) => s * 1e3 + ns / 1e6);
  const parentId = parentSpanContext?.spanId;
  return { name, attributes, status, events, links, traceId, spanId, parentId, start, duration };
}

function plainMetrics({ metrics }) {
  return metrics.flatMap(({ descriptor: { name }, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => ({
      name,
      ...attributes,
      value: value.count ?? value,
    })),
  );
}
