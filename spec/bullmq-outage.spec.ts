import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";

import { telesignCallback, type Inbox, type MessageNotification } from "telesign-callback";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import {
  describeOnEachEngine,
  inboxOn,
  queueOn,
  uniqueName,
  type TestEngine,
} from "./support/servers.js";
import { listen } from "./support/wire.js";

const OUTAGES: [string, (engine: TestEngine) => unknown, (engine: TestEngine) => unknown][] = [
  ["refuses connections", (engine) => engine.refuse(), (engine) => engine.start()],
  ["hangs", (engine) => engine.hang(), (engine) => engine.resume()],
  ["is read-only", (engine) => engine.setReadOnly(true), (engine) => engine.setReadOnly(false)],
];

function acceptAll(inbox: Inbox, messages: MessageNotification[]) {
  return Promise.all(messages.map(async (message) => inbox.accept(message, freshDelivery())));
}

function several(count: number): MessageNotification[] {
  return Array.from({ length: count }, () => freshNotification());
}

function referencesOf(messages: MessageNotification[]): string[] {
  return messages.map((message) => message.mo_reference_id).sort();
}

describeOnEachEngine("bullmqInbox, while its engine is down", (_, engine) => {
  let queueName: string;
  let inbox: Inbox | undefined;
  beforeEach(async () => {
    queueName = uniqueName();
    await engine.start();
  });
  afterEach(async () => {
    engine.resume();
    await inbox?.close();
    await engine.refuse();
  }, 20_000);
  afterAll(() => engine.close(), 20_000);

  function open(options: object = {}) {
    const { errors, listener, received: receivedErrors } = createErrors();
    inbox = inboxOn(engine, { queueName, ...options });
    inbox.onError?.(listener);
    return { inbox, errors, receivedErrors };
  }

  /** Resolves when the result of every hand-over is stored, or an outage would repeat some. */
  async function idle() {
    const queue = queueOn(engine, queueName);
    while ((await queue.getActiveCount()) > 0) await setImmediate();
    await queue.close();
  }

  describe.each(OUTAGES)("because it %s", (_, takeDown, bringBack) => {
    it("accepts notifications, hands them over when it is back, and reports the outage once", async () => {
      const { inbox, errors } = open();
      const { handOver, handOvers, received } = createReception();
      inbox.consume(handOver);
      const before = several(3);
      await acceptAll(inbox, before);
      await received(3);
      await idle();
      await takeDown(engine);
      const during = several(60);
      expect(new Set(await acceptAll(inbox, during))).toEqual(new Set(["accepted"]));
      expect(new Set(await acceptAll(inbox, during))).toEqual(new Set(["duplicate"]));
      await bringBack(engine);
      await received(63);
      const after = several(3);
      await acceptAll(inbox, after);
      await received(66);
      const messages = handOvers.map(([message]) => message);
      expect(referencesOf(messages)).toEqual(referencesOf([...before, ...during, ...after]));
      expect(errors).toEqual([expect.objectContaining({ code: "ERR_INBOX" })]);
    }, 20_000);

    it("hands the notifications that it cannot store to listeners when it is closed", async () => {
      const { inbox, receivedErrors } = open();
      const { handOver, handOvers } = createReception();
      inbox.consume(handOver);
      await acceptAll(inbox, several(1));
      await takeDown(engine);
      const during = several(3);
      await acceptAll(inbox, during);
      await inbox.close();
      expect(handOvers.map(([message]) => message)).toEqual(expect.arrayContaining(during));
      const errors = await receivedErrors(2);
      expect(errors.map((error) => error.message)).toEqual([
        expect.stringContaining("cannot store notifications"),
        expect.stringContaining("3 notifications"),
      ]);
      await bringBack(engine);
    }, 20_000);
  });

  it("counts notifications as waiting in stats() until they are stored", async () => {
    await engine.refuse();
    const { inbox } = open();
    const callback = telesignCallback({ inbox });
    callback.on("error", () => {});
    const { port } = await listen((req, res) => callback(req, res, () => res.end()));
    const messages = several(2);
    for (const message of messages) {
      const body = JSON.stringify(message);
      await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    }
    expect(callback.stats()).toMatchObject({ accepted: 2, waiting: 2 });
    const { handOver, received } = createReception();
    callback.onMessage(handOver);
    await engine.start();
    await received(2);
    // A listener may get a notification before the engine's answer arrives.
    while (callback.stats().waiting > 0) await setImmediate();
  }, 20_000);

  it("accepts notifications from the start, and stores them once the engine is up", async () => {
    await engine.refuse();
    const { inbox, errors } = open();
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    const early = several(3);
    await acceptAll(inbox, early);
    await engine.start();
    const handOvers = await received(3);
    expect(referencesOf(handOvers.map(([message]) => message))).toEqual(referencesOf(early));
    expect(errors).toHaveLength(1);
  }, 20_000);

  it("reports once an outage that ends and soon begins again", async () => {
    const { inbox, errors } = open();
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    for (const count of [1, 2]) {
      await engine.refuse();
      await inbox.accept(freshNotification(), freshDelivery());
      await engine.start();
      await received(count);
    }
    expect(errors).toHaveLength(1);
  }, 20_000);

  it("reports the outage even if no notification arrives", async () => {
    await engine.refuse();
    const { receivedErrors } = open();
    expect(await receivedErrors(1)).toEqual([
      expect.objectContaining({ code: "ERR_INBOX", notification: undefined }),
    ]);
  }, 20_000);

  it("hands the oldest notification to this process's listeners, once, when too many wait", async () => {
    const { inbox } = open({ maxBuffered: 2 });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await engine.refuse();
    const [oldest, ...others] = several(3) as [MessageNotification, ...MessageNotification[]];
    await inbox.accept(oldest, freshDelivery());
    await acceptAll(inbox, others);
    expect(await received(1)).toEqual([[oldest, expect.anything()]]);
    expect(await inbox.accept(oldest, freshDelivery())).toBe("duplicate");
  }, 20_000);

  it("reports the oldest notification in an error when too many wait and nobody listens", async () => {
    const { inbox, receivedErrors } = open({ maxBuffered: 1 });
    await engine.refuse();
    const [oldest, newest] = several(2) as [MessageNotification, MessageNotification];
    await inbox.accept(oldest, freshDelivery());
    await inbox.accept(newest, freshDelivery());
    const [, error] = await receivedErrors(2);
    expect(error).toMatchObject({ code: "ERR_INBOX", notification: oldest });
  }, 20_000);

  it("quotes no part of a notification in its error texts", async () => {
    const { inbox, receivedErrors } = open({ maxBuffered: 1 });
    await engine.refuse();
    await acceptAll(inbox, several(2));
    const said = inspect(await receivedErrors(2), { depth: 9, showHidden: false });
    expect(said).not.toMatch(/driver|1555123|0123456789ABCDEF/);
  }, 20_000);
});
