import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { telesignCallback } from "telesign-callback";

import { brokenLinks, compileBlocks, readDocument } from "./support/compiled-blocks.js";
import { fresh } from "./support/notifications.js";
import {
  DURABLE_ENGINES,
  endProcesses,
  isEngineThere,
  startExample,
  startObserved,
  tracesOf,
  type Report,
} from "./support/observed.js";

const examples = join(__dirname, "../examples/observability");

afterEach(endProcesses);

const send = (url: string, message: object) =>
  fetch(url, { method: "POST", body: JSON.stringify(message) });

describe("the OpenTelemetry recipe", () => {
  it("shows a message in memoryInbox as one trace, even if its hand-over fails", async () => {
    const receiver = await startObserved({ consumes: true, failures: 1 });
    const message = fresh();
    await send(receiver.url, message);
    await receiver.handedOver("failed");
    await send(receiver.url, message);
    expect(tracesOf({ receiver: await receiver.end() })).toEqual([
      [
        "receiver: telesign-callback request accepted",
        "  receiver: telesign-callback message failed",
        "    receiver: work of the listener",
      ],
      ["receiver: telesign-callback request duplicate"],
    ]);
  }, 30_000);

  it("counts callbacks by their outcome, and times hand-overs", async () => {
    const receiver = await startObserved({ consumes: true });
    const message = fresh();
    await send(receiver.url, message);
    await send(receiver.url, message);
    await send(receiver.url, { of: "another service" });
    await receiver.handedOver("delivered");
    const { metrics } = await receiver.end();
    expect(metrics).toEqual([
      ...[
        { outcome: "accepted", value: 1 },
        { outcome: "duplicate", value: 1 },
        { outcome: "rejected", value: 1 },
        { outcome: "aborted", value: 0 },
        { outcome: "failed", value: 0 },
      ].map((point) => ({ name: "telesign_callback_requests_total", ...point })),
      { name: "telesign_callback_handover_seconds", outcome: "delivered", value: 1 },
      { name: "telesign_callback_waiting", value: 0 },
      { name: "telesign_callback_dead_letters_total", value: 0 },
      { name: "telesign_callback_inbox_errors_total", value: 0 },
    ]);
  }, 30_000);

  describe.each(["Redis", "PostgreSQL", "SQLite"] as const)("on %s", (name) => {
    const itHere = isEngineThere(name) ? it : it.skip;
    itHere(
      "shows a message as one trace, from the receiver to the worker's second attempt",
      async () => {
        const engine = await DURABLE_ENGINES[name]();
        const { inbox } = engine;
        const receiver = await startObserved({ inbox });
        const worker = await startObserved({ inbox, consumes: true, failures: 1 });
        const message = fresh();
        await send(receiver.url, message);
        await send(receiver.url, message);
        await worker.handedOver("delivered");
        const reports: Record<string, Report> = {
          receiver: await receiver.end(),
          worker: await worker.end(),
        };
        await engine.close();
        expect(tracesOf(reports)).toEqual([
          [
            "receiver: telesign-callback request accepted",
            "  worker: telesign-callback message failed",
            "    worker: work of the listener",
            "  worker: telesign-callback message delivered",
            "    worker: work of the listener",
          ],
          ["receiver: telesign-callback request duplicate"],
        ]);
        expect(reports).toMatchObject({
          receiver: { stats: { accepted: 1, duplicates: 1, delivered: 0, failed: 0 } },
          worker: { stats: { accepted: 0, duplicates: 0, delivered: 1, failed: 1 } },
        });
      },
      60_000,
    );
  });
});

describe("metrics.mjs", () => {
  it("adds up the counts of all callbacks in a process", async () => {
    const observed = await observe(`
      const callbacks = [telesignCallback(), telesignCallback()];
      for (const callback of callbacks) await deliver(callback, notification());
      measureCallbacks(callbacks, meter);
    `);
    expect(observed).toContain("telesign_callback_waiting 2");
  }, 30_000);
});

/** What the gauges of metrics.mjs observe in a program, which may use `meter`. */
async function observe(program: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "--eval",
    `import { telesignCallback } from "telesign-callback";
    import { deliver, notification } from "telesign-callback/testing";
    import { measureCallbacks } from ${JSON.stringify(join(examples, "metrics.mjs"))};
    const observable = (name) => ({
      addCallback: (read) => read({ observe: (value) => console.log(name, value) }),
    });
    const meter = {
      createCounter: () => ({ add() {} }),
      createHistogram: () => ({ record() {} }),
      createObservableGauge: observable,
      createObservableCounter: observable,
    };
    ${program}`,
  ]);
  return stdout.trim().split("\n");
}

describe("in examples/observability,", () => {
  it("opentelemetry.mjs prints the spans of one trace, and the metrics when it ends", async () => {
    const { urls, end } = startExample("opentelemetry.mjs");
    const [url] = await urls(1);
    await send(`${url}/telesign/4f9d0c`, fresh());
    const printed = await end();
    const spans = [...printed.matchAll(/^ {2}traceId: '(\w+)',[^]*?^ {2}name: '(.*)'/gm)];
    expect(spans.map(([, , name]) => name)).toEqual([
      "telesign-callback request",
      "answer the customer",
      "telesign-callback message",
    ]);
    expect(new Set(spans.map(([, traceId]) => traceId)).size).toBe(1);
    expect(printed).toContain("telesign_callback_handover_seconds");
  }, 30_000);

  it("prometheus.mjs reports at /metrics all that the alert rules ask for", async () => {
    const { urls, end } = startExample("prometheus.mjs");
    const [url, metricsUrl] = await urls(2);
    const read = async () => (await fetch(`${metricsUrl}/metrics`)).text();
    const atFirst = await read();
    await send(`${url}/telesign/4f9d0c`, fresh());
    const report = await read();
    await end();
    // Without these zeros, `increase` would not see the first hand-over.
    for (const outcome of ["delivered", "failed"]) {
      expect(atFirst).toContain(`telesign_callback_handover_seconds_count{outcome="${outcome}"} 0`);
    }
    expect(report).toContain('telesign_callback_requests_total{outcome="accepted"} 1');
    expect(report).toMatch(/telesign_callback_handover_seconds_count{outcome="delivered"} 1/);
    expect(report).toContain("telesign_callback_waiting 0");

    const rules = readFileSync(join(examples, "alerts.yml"), "utf8");
    const asked = rules.match(/telesign_callback_\w+?(?=(_count)?\b)/g) ?? [];
    expect(asked.length).toBeGreaterThan(2);
    for (const name of asked) expect(report).toContain(`# TYPE ${name} `);
  }, 30_000);
});

describe("alerts.yml", () => {
  // If a rule waited longer, a lone message, whose three attempts take less than a minute, would
  // leave the window before the alert fires.
  it("waits no longer than half of the time that a rule looks back", () => {
    const rules = readFileSync(join(examples, "alerts.yml"), "utf8").split("- alert: ").slice(1);
    const seconds = (text = "0s") => parseInt(text) * { s: 1, m: 60, h: 3_600 }[text.at(-1)!]!;
    for (const rule of rules) {
      const [name = ""] = rule.split("\n");
      const windows = [...rule.matchAll(/\[(\w+)\]/g)].map(([, window]) => seconds(window));
      const [, waits] = /^ +for: (\w+)/m.exec(rule) ?? [];
      if (windows.length === 0) continue;
      expect([name, seconds(waits) <= Math.min(...windows) / 2]).toEqual([name, true]);
    }
    expect(rules).toHaveLength(6);
  });
});

describe("docs/observability.md", () => {
  const { text, blocks } = readDocument("docs/observability.md");

  it("has code that compiles, each block on its own, against the built package", () => {
    expect(blocks.length).toBeGreaterThan(2);
    compileBlocks(blocks);
  }, 60_000);

  it("links to files that exist", () => {
    expect(brokenLinks("docs/observability.md")).toEqual([]);
  });

  it("explains every count of stats()", () => {
    const names = Object.keys(telesignCallback().stats());
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(text).toContain(`| \`${name}\` `);
  });

  it("names every metric that the recipes have", () => {
    for (const file of ["metrics.mjs", "prometheus.mjs"]) {
      const recipe = readFileSync(join(examples, file), "utf8");
      const names = recipe.match(/telesign_callback_\w+/g) ?? [];
      expect(names).toHaveLength(5);
      for (const name of names) expect(text).toContain(`\`${name}\``);
    }
  });
});
