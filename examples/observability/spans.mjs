// Makes an OpenTelemetry span for each callback and for each hand-over to the listeners. Both are
// in one trace, even across a durable inbox and its worker processes. Copy this file, register
// `contextManager` with your SDK, and call `traceCallbacks()` once in each process.
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";

import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
const storage = new AsyncLocalStorage();

// To make a span active, a channel must be bound to the context manager's storage. OpenTelemetry
// keeps that private, so this context manager uses `storage`.
export const contextManager = Object.assign(new AsyncLocalStorageContextManager(), {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (active, run, self, ...args) => storage.run(active, () => run.apply(self, args)),
});

export function traceCallbacks(tracer = trace.getTracer("telesign-callback")) {
  const spans = new WeakMap();

  traceChannel("telesign-callback:request", (request) => {
    const active = start(request, "telesign-callback request", {}, context.active());
    propagation.inject(active, request.carrier);
    return active;
  });

  traceChannel("telesign-callback:message", (message) => {
    // Not from the active context: a durable inbox may hand over while another request is active.
    const sender = propagation.extract(ROOT_CONTEXT, message.carrier);
    return start(message, "telesign-callback message", { kind: SpanKind.CONSUMER }, sender);
  });

  function traceChannel(name, toContext) {
    const channel = tracingChannel(name);
    channel.start.bindStore(storage, toContext);
    channel.asyncEnd.subscribe(end);
  }

  function start(subject, name, options, parent) {
    const span = tracer.startSpan(name, options, parent);
    spans.set(subject, span);
    return trace.setSpan(parent, span);
  }

  function end(subject) {
    const span = spans.get(subject);
    const { outcome, status, reference, attempt } = subject;
    for (const [name, value] of Object.entries({ outcome, status, reference, attempt })) {
      if (value !== undefined) span?.setAttribute(`telesign.${name}`, value);
    }
    if (outcome === "failed") span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  }
}
