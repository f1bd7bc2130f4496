// A receiver that OpenTelemetry watches: a span for each callback and each hand-over, and metrics.
// Run, beside metrics.mjs and spans.mjs: node opentelemetry.mjs
// docs/observability.md says what to install.
// Then: npx telesign-callback send http://127.0.0.1:3000/telesign/4f9d0c
// Prints each span as it ends, and the metrics every minute and on Ctrl-C. Replace the two console
// exporters with those of your backend. If you use NodeSDK, pass it `contextManager`, and leave out
// the four calls of `setGlobal…`.
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { ConsoleSpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import express from "express";
import { telesignCallback } from "telesign-callback";

import { measureCallbacks } from "./metrics.mjs";
import { contextManager, traceCallbacks } from "./spans.mjs";

const spanProcessors = [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })];
const readers = [new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() })];
const tracerProvider = new TracerProvider({ spanProcessors });
const meterProvider = new MeterProvider({ readers });
context.setGlobalContextManager(contextManager);
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(tracerProvider);
metrics.setGlobalMeterProvider(meterProvider);

const callback = telesignCallback({ path: "/telesign/4f9d0c" });
traceCallbacks();
measureCallbacks([callback]);

callback.onMessage(async () => {
  // The hand-over's span is active here, even after an `await`, so this span is its child.
  const span = trace.getTracer("app").startSpan("answer the customer");
  await new Promise((resolve) => setTimeout(resolve, 20));
  span.end();
});

const server = express()
  .use(callback)
  .listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
    if (error) throw error; // such as EADDRINUSE
    console.log("listening on", server.address());
  });

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close();
    await callback.close({ timeout: 8_000 });
    await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    process.exit();
  });
}
