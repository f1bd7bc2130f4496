import { randomBytes } from "node:crypto";
import { request } from "node:http";

import {
  DURABLE_ENGINES,
  endProcesses,
  isEngineThere,
  startExample,
  startObserved,
  type ObservedSettings,
} from "./support/observed.js";
import { secretMessage, SECRETS, secretsIn, signatureOf } from "./support/secrets.js";

afterEach(endProcesses);

const PATH = `/${SECRETS["the private path"]}`;
const EVERY_INSTRUMENTATION = { http: "as documented" } as const;
const settings = { path: PATH, apiKey: SECRETS["the API key"], failures: 1 };

const send = (url: string, body: string, headers = signatureOf(body)) =>
  fetch(url, { method: "POST", body, headers });

/** Sends a message, a retry of it, and three requests that are refused. */
async function sendOfEachKind(url: string) {
  const body = JSON.stringify(secretMessage());
  await send(url, body);
  await send(url, body);
  await send(url, body, signatureOf(`another ${body}`));
  await send(url, body.slice(0, -2));
  await send(url, JSON.stringify({ ...secretMessage(), mo_reference_id: SECRETS["the text"] }));
}

/** Sends a message to a request target that `fetch` cannot send. Resolves to the status. */
function sendTo(url: string, target: string): Promise<number | undefined> {
  const body = JSON.stringify(secretMessage());
  const { hostname, port } = new URL(url);
  const options = { hostname, port, path: target, method: "POST", headers: signatureOf(body) };
  return new Promise((resolve, reject) => {
    const sending = request(options, (response) => resolve(response.resume().statusCode));
    sending.on("error", reject).end(body);
  });
}

describe("an observer of the callback sees no number, text, key or path", () => {
  it("in the two tracing channels, stats() and spans, with memoryInbox", async () => {
    const receiver = await startObserved({
      ...settings,
      instrumentations: EVERY_INSTRUMENTATION,
      consumes: true,
    });
    await sendOfEachKind(receiver.url + PATH);
    await receiver.handedOver("failed");
    const report = await receiver.end();
    expect(report.stats).toMatchObject({ accepted: 1, duplicates: 1, failed: 1 });
    expect(report.stats.rejected).toEqual({ 400: 2, 401: 1 });
    expect(report.published).toHaveLength(6 * 4);
    expect(report.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["POST", "router - /", "telesign-callback message"]),
    );
    expect(secretsIn(JSON.stringify(report))).toEqual([]);
  }, 30_000);

  it("in spans, when a proxy puts an origin before the path, or a caller mistypes the path", async () => {
    const receiver = await startObserved({
      ...settings,
      instrumentations: EVERY_INSTRUMENTATION,
    });
    expect(await sendTo(receiver.url, `http://example.com${PATH}`)).toBe(200);
    expect(await sendTo(receiver.url, `/webhooks${PATH}/`)).toBe(404);
    const { spans } = await receiver.end();
    expect(spans.filter(({ name }) => name === "POST")).toHaveLength(2);
    expect(secretsIn(JSON.stringify(spans))).toEqual([]);
  }, 30_000);

  describe.each([
    ["Redis", "evalsha"],
    ["PostgreSQL", "pg.query"],
    ["SQLite", "telesign-callback message"],
  ] as const)("in the recorded spans of an inbox on %s with an encryptionKey,", (name, span) => {
    const itHere = isEngineThere(name) ? it : it.skip;
    itHere(
      "on the receiver and on the worker",
      async () => {
        const engine = await DURABLE_ENGINES[name]();
        const encryptionKey = randomBytes(32).toString("base64");
        const options = { ...engine.inbox.options, encryptionKey };
        const common: ObservedSettings = {
          ...settings,
          instrumentations: EVERY_INSTRUMENTATION,
          inbox: { engine: name, options },
        };
        const receiver = await startObserved(common);
        const worker = await startObserved({ ...common, consumes: true });
        await sendOfEachKind(receiver.url + PATH);
        await worker.handedOver("delivered");
        const reports = [await receiver.end(), await worker.end()];
        await engine.close();
        const names = reports.flatMap(({ spans }) => spans.map((each) => each.name));
        expect(names.filter((each) => each.startsWith(span))).not.toEqual([]);
        expect(names).toEqual(expect.arrayContaining(["POST", "router - /"]));
        expect(secretsIn(JSON.stringify(reports))).toEqual([]);
      },
      60_000,
    );
  });

  it.each([
    ["opentelemetry.mjs", "telesign-callback message"],
    ["prometheus.mjs", 'outcome="delivered"'],
  ])(
    "in what %s prints and reports",
    async (file, known) => {
      const { urls, end } = startExample(file);
      const [url, metricsUrl] = await urls(file === "prometheus.mjs" ? 2 : 1);
      await send(`${url}/telesign/4f9d0c`, JSON.stringify(secretMessage()));
      await send(`${url}/telesign/4f9d0c`, JSON.stringify(secretMessage()).slice(1));
      const report = metricsUrl ? await (await fetch(`${metricsUrl}/metrics`)).text() : "";
      const everything = report + (await end());
      expect(everything).toContain(known);
      expect(everything).not.toContain("4f9d0c");
      expect(secretsIn(everything)).toEqual([]);
    },
    30_000,
  );
});

describe("what docs/observability.md warns of", () => {
  it("is true: OpenTelemetry's http instrumentation records the private path", async () => {
    const instrumentations = { http: "by default" } as const;
    const receiver = await startObserved({ ...settings, instrumentations });
    await sendOfEachKind(receiver.url + PATH);
    const { spans } = await receiver.end();
    expect(secretsIn(JSON.stringify(spans))).toEqual(["the private path"]);
  }, 30_000);

  const itHere = isEngineThere("Redis") ? it : it.skip;
  itHere(
    "is true: OpenTelemetry's ioredis instrumentation records a text that is not encrypted",
    async () => {
      const engine = await DURABLE_ENGINES.Redis();
      const instrumentations = EVERY_INSTRUMENTATION;
      const { inbox } = engine;
      const receiver = await startObserved({ ...settings, instrumentations, inbox });
      await sendOfEachKind(receiver.url + PATH);
      const { spans } = await receiver.end();
      await engine.close();
      expect(secretsIn(JSON.stringify(spans))).toContain("the text");
    },
    30_000,
  );
});
