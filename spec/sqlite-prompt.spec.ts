import { sqliteInbox } from "telesign-callback/sqlite";

import { createReception, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";
import { fakeDeadlines } from "./support/timers.js";

jest.mock("node:timers", () =>
  jest
    .requireActual<typeof import("./support/timers.js")>("./support/timers.js")
    .followGlobalTimers(),
);

describeWithSqlite("sqliteInbox, asked to redrive", () => {
  beforeEach(fakeDeadlines);
  afterEach(() => jest.useRealTimers());

  it("hands a dead letter over without waiting for the next poll", async () => {
    const inbox = sqliteInbox({ file: temporaryFile(), attempts: 1 });
    const died = new Promise((resolve) => inbox.onError?.(resolve));
    const { handOver, received } = createReception();
    const stop = inbox.consume(() => Promise.reject(new Error("mine")));
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    await died;
    await stop();
    inbox.consume(handOver);
    // By then, the new consumer has looked once and found nothing.
    await inbox.deadLetters();
    expect(await inbox.redrive(message.mo_reference_id)).toBe(true);
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    jest.useRealTimers();
    await inbox.close();
  });
});

describeWithSqlite("sqliteInbox, while its file is being opened", () => {
  // No timer fires, so the inbox does not poll.
  beforeEach(fakeDeadlines);
  afterEach(() => jest.useRealTimers());

  it("hands arriving notifications over without waiting for the next poll", async () => {
    const inbox = sqliteInbox({ file: temporaryFile() });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    // After two turns of the event loop, the first transaction waits for the file.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const message = freshNotification();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    jest.useRealTimers();
    await inbox.close();
  });
});
