import { AsyncLocalStorage } from "node:async_hooks";
import { channel, tracingChannel } from "node:diagnostics_channel";
import { inspect } from "node:util";

import {
  memoryInbox,
  telesignCallback,
  type Inbox,
  type TelesignCallback,
} from "telesign-callback";

import { mounts } from "./support/express-versions.js";
import { documented, fresh } from "./support/notifications.js";
import { turn } from "./support/timers.js";
import { dial, exchange, listen, post } from "./support/wire.js";

type Context = Record<string, unknown> & { carrier: Record<string, string> };

const NAMES = ["request", "message"] as const;
const EVENTS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

/** What was published until now: the event, and the context as it was then. */
let published: [event: string, context: Context][] = [];
/** Context objects of finished traces, by channel. */
let finished: Record<(typeof NAMES)[number], Context[]>;
const unsubscribe: (() => void)[] = [];

function subscribe(onEvent: (event: string, context: Context) => void = () => {}) {
  for (const name of NAMES) {
    for (const event of EVENTS) {
      const full = `tracing:telesign-callback:${name}:${event}`;
      const hear = (message: unknown) => {
        const context = message as Context;
        published.push([`${name} ${event}`, { ...context }]);
        if (event === "asyncEnd") finished[name].push(context);
        onEvent(`${name} ${event}`, context);
      };
      channel(full).subscribe(hear);
      unsubscribe.push(() => channel(full).unsubscribe(hear));
    }
  }
}

beforeEach(() => {
  published = [];
  finished = { request: [], message: [] };
});
afterEach(() => unsubscribe.splice(0).forEach((stop) => stop()));

/** The events of one channel, in order. */
const eventsOf = (name: string) =>
  published.map(([event]) => event).filter((event) => event.startsWith(name));

async function serve(callback: TelesignCallback) {
  callback.on("error", () => {});
  const { port } = await listen((req, res) => callback(req, res, () => res.end()));
  const send = (body: object | string, headers: string[] = []) =>
    exchange(port, post("/", typeof body === "string" ? body : JSON.stringify(body), headers));
  return { port, send };
}

/** What Node itself adds to a context: the traced function's result, which is undefined here. */
const node = { result: undefined };

describe.each(mounts)("the tracing channels, %s,", (_, { serve, ...parts }) => {
  it("publish a callback from its arrival to its answer, and a hand-over from start to end", async () => {
    subscribe();
    const callback = parts.telesignCallback({ onMessage: () => turn() });
    const { port } = await listen(serve(callback));
    await exchange(port, post("/", JSON.stringify(documented)));
    await callback.settled();
    while (finished.request.length === 0) await turn();
    const events = ["start", "end", "asyncStart", "asyncEnd"];
    expect(eventsOf("request")).toEqual(events.map((event) => `request ${event}`));
    expect(eventsOf("message")).toEqual(events.map((event) => `message ${event}`));
    expect(published[0]).toEqual(["request start", { receivedAt: expect.any(Date), carrier: {} }]);
    expect(finished.request).toStrictEqual([
      {
        receivedAt: expect.any(Date),
        carrier: {},
        outcome: "accepted",
        status: 200,
        reference: documented.mo_reference_id,
        ...node,
      },
    ]);
    expect(finished.message).toStrictEqual([
      {
        reference: documented.mo_reference_id,
        attempt: 1,
        receivedAt: expect.any(Date),
        carrier: {},
        outcome: "delivered",
        ...node,
      },
    ]);
  });
});

describe("the channel telesign-callback:request", () => {
  const asked = { receivedAt: expect.any(Date), carrier: {}, ...node };

  it("says that a retry was suppressed", async () => {
    const callback = telesignCallback({ onMessage() {} });
    const { send } = await serve(callback);
    await send(documented);
    subscribe();
    await send(documented);
    await callback.settled();
    while (finished.request.length === 0) await turn();
    const reference = documented.mo_reference_id;
    expect(finished.request).toStrictEqual([
      { ...asked, outcome: "duplicate", status: 200, reference },
    ]);
    expect(finished.message).toEqual([]);
  });

  it.each([
    ["400", {}, 400],
    ["401", { apiKey: "c2VjcmV0" }, 401],
    ["403", { allowFrom: ["192.0.2.7"] }, 403],
  ])(
    "says that a request was refused with %s, and repeats nothing that was sent",
    async (_n, options, status) => {
      subscribe();
      const { send } = await serve(telesignCallback(options));
      await send({ ...documented, mo_message: 5 });
      while (finished.request.length === 0) await turn();
      expect(finished.request).toStrictEqual([{ ...asked, outcome: "rejected", status }]);
    },
  );

  it("says that a client hung up in the middle of sending its body", async () => {
    subscribe();
    const { port } = await serve(telesignCallback());
    const socket = await dial(port);
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{");
    while (published.length === 0) await turn();
    socket.destroy();
    while (finished.request.length === 0) await turn();
    expect(finished.request).toStrictEqual([{ ...asked, outcome: "aborted" }]);
  });

  it("says that other middleware made the answer impossible, without the middleware's error", async () => {
    subscribe();
    const callback = telesignCallback();
    callback.on("error", () => {});
    const passedOn = new Promise((resolve) => {
      void listen((req, res) => {
        res.setHeader = () => {
          throw new Error("15551234");
        };
        callback(req, res, (error) => {
          resolve(error);
          req.socket.destroy();
        });
      }).then(({ port }) => exchange(port, post("/", "{}")));
    });
    expect(await passedOn).toEqual(new Error("15551234"));
    expect(finished.request).toStrictEqual([{ ...asked, outcome: "failed", status: 400 }]);
    expect(eventsOf("request")).not.toContain("request error");
    expect(inspect(published)).not.toContain("15551234");
  });
});

describe("the channel telesign-callback:message", () => {
  it("says that a listener failed, without the listener's error", async () => {
    subscribe();
    const callback = telesignCallback({ onMessage: () => Promise.reject(new Error("15551234")) });
    const { send } = await serve(callback);
    await send(fresh());
    await callback.settled();
    expect(finished.message).toMatchObject([{ outcome: "failed", attempt: 1 }]);
    expect(eventsOf("message")).not.toContain("message error");
    expect(inspect(published)).not.toContain("15551234");
  });

  it("counts the attempts of an inbox that hands a notification over again", async () => {
    subscribe();
    const memory = memoryInbox();
    const consume: Inbox["consume"] = (handOver) =>
      memory.consume((message, delivery) =>
        handOver(message, delivery).catch(() => handOver(message, { ...delivery, attempt: 2 })),
      );
    let isFailing = true;
    const callback = telesignCallback({ inbox: { ...memory, consume } });
    callback.onMessage(() => {
      if (isFailing) {
        isFailing = false;
        throw new Error("mine");
      }
    });
    const { send } = await serve(callback);
    await send(fresh());
    while (finished.message.length < 2) await turn();
    expect(finished.message).toMatchObject([
      { outcome: "failed", attempt: 1 },
      { outcome: "delivered", attempt: 2 },
    ]);
  });

  it("makes a store bound to it available in every listener, even after an await", async () => {
    const spans = new AsyncLocalStorage<string>();
    const messages = tracingChannel<unknown, { reference: string }>("telesign-callback:message");
    messages.start.bindStore(spans, ({ reference }) => `span of ${reference}`);
    const seen: unknown[] = [];
    const callback = telesignCallback({ onMessage: () => seen.push(spans.getStore()) });
    callback.onMessage(async () => {
      await turn();
      seen.push(spans.getStore());
    });
    const { send } = await serve(callback);
    const message = fresh();
    await send(message);
    await callback.settled();
    messages.start.unbindStore(spans);
    const span = `span of ${message.mo_reference_id}`;
    expect(seen).toEqual([span, span]);
  });

  it("has the carrier that a subscriber filled at the start of the request", async () => {
    subscribe((event, context) => {
      if (event === "request start") context.carrier.traceparent = "00-trace-span-01";
    });
    const callback = telesignCallback();
    const { send } = await serve(callback);
    // One notification that waits for its listener, and one that does not.
    await send(fresh());
    callback.onMessage(() => {});
    await send(fresh());
    await callback.settled();
    const carriers = finished.message.map(({ carrier }) => carrier);
    expect(carriers).toEqual(Array(2).fill({ traceparent: "00-trace-span-01" }));
  });

  it("has only the strings in the carrier that a subscriber filled", async () => {
    subscribe((event, { carrier }) => {
      if (event === "request start") Object.assign(carrier, { traceparent: "00", baggage: 5 });
    });
    const callback = telesignCallback({ onMessage: () => {} });
    const { send } = await serve(callback);
    await send(fresh());
    await callback.settled();
    expect(finished.message).toMatchObject([{ carrier: { traceparent: "00" } }]);
    expect(Object.keys(finished.message[0]!.carrier)).toEqual(["traceparent"]);
  });

  it("has an empty carrier if nobody had subscribed when the request arrived", async () => {
    const callback = telesignCallback();
    const { send } = await serve(callback);
    await send(fresh());
    subscribe();
    callback.onMessage(() => {});
    await callback.close();
    expect(finished.request).toEqual([]);
    expect(finished.message).toMatchObject([{ outcome: "delivered", carrier: {} }]);
  });

  it("hides the carrier from the listeners", async () => {
    subscribe((event, context) => {
      if (event === "request start") context.carrier.traceparent = "00-trace-span-01";
    });
    const listener = jest.fn();
    const callback = telesignCallback({ onMessage: listener });
    const { send } = await serve(callback);
    await send(fresh());
    await callback.settled();
    expect(inspect(listener.mock.calls, { showHidden: true })).not.toContain("00-trace-span-01");
  });
});

describe("both tracing channels", () => {
  it("publish no phone number, text, key, header or path", async () => {
    subscribe();
    const secrets = [
      "15550104477",
      "15550108899",
      "meet me at the old mill",
      "c2VjcmV0",
      "X-Secret",
    ];
    const [from_phone_number, to_phone_number, mo_message, apiKey] = secrets as [
      string,
      string,
      string,
      string,
      string,
    ];
    const path = "/9d1c7e-secret-door";
    const message = fresh({ from_phone_number, to_phone_number, mo_message });
    for (const options of [{}, { apiKey }]) {
      const callback = telesignCallback({ path, ...options, onMessage() {} });
      const { port } = await serve(callback);
      await exchange(port, post(path, JSON.stringify(message), ["X-Secret: X-Secret"]));
      await callback.settled();
    }
    while (finished.request.length < 2) await turn();
    const everything = inspect(published, { depth: Infinity, showHidden: true });
    for (const secret of [...secrets, path]) expect(everything).not.toContain(secret);
  });

  it("cost neither an answer nor a hand-over when a subscriber's setter throws", async () => {
    const throwing = {
      set: () => {
        throw new Error("a subscriber's setter");
      },
    };
    subscribe((event, context) => {
      if (event.endsWith(" start")) Object.defineProperty(context, "outcome", throwing);
    });
    const callback = telesignCallback({ onMessage() {} });
    const { send } = await serve(callback);
    expect(await send(fresh())).toContain('{"status":"accepted"}');
    expect(await send("{")).toContain(" 400 ");
    await callback.settled();
    expect(callback.stats()).toMatchObject({ delivered: 1, failed: 0, running: 0 });
  });
});
