import { sqliteInbox, type SqliteInboxOptions } from "telesign-callback/sqlite";

import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./support/inbox-contract.js";
import { countRows, describeWithSqlite, temporaryFile } from "./support/sqlite.js";

const DAY = 86_400_000;

function setClock(ahead: number) {
  const { now } = Date;
  jest.spyOn(Date, "now").mockImplementation(() => now() + ahead);
}

async function makeDeadLetter(options: SqliteInboxOptions) {
  const inbox = sqliteInbox(options);
  const { listener, received } = createErrors();
  inbox.onError?.(listener);
  inbox.consume(() => Promise.reject(new Error()));
  await inbox.accept(freshNotification(), freshDelivery());
  await received(1);
  await inbox.close();
}

describeWithSqlite("sqliteInbox, as time passes", () => {
  it("forgets a reference after dedupeTtl", async () => {
    const inbox = sqliteInbox({ file: temporaryFile(), dedupeTtl: DAY });
    const message = freshNotification();
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    setClock(DAY - 60_000);
    expect(await inbox.accept(message, freshDelivery())).toBe("duplicate");
    jest.restoreAllMocks();
    setClock(DAY + 1);
    expect(await inbox.accept(message, freshDelivery())).toBe("accepted");
    await inbox.close();
  });

  it("deletes every reference that it has forgotten", async () => {
    const file = temporaryFile();
    const inbox = sqliteInbox({ file, dedupeTtl: DAY });
    const accepting = Array.from({ length: 1_200 }, async () =>
      inbox.accept(freshNotification(), freshDelivery()),
    );
    await Promise.all(accepting);
    await inbox.close();
    expect(countRows(file, "reference")).toBe(1_200);

    setClock(2 * DAY);
    let openings = 0;
    for (; countRows(file, "reference") !== 0; openings += 1) {
      const later = sqliteInbox({ file });
      await later.ready();
      await later.close();
    }
    // They are deleted in steps, so that arrivals are stored in between.
    expect(openings).toBeGreaterThan(1);
  });

  it("keeps dead letters for 30 days, and then deletes them", async () => {
    const file = temporaryFile();
    const options = { file, attempts: 1 };
    await makeDeadLetter(options);
    setClock(30 * DAY - 60_000);
    const almost = sqliteInbox(options);
    expect(await almost.deadLetters()).toHaveLength(1);
    await almost.close();
    jest.restoreAllMocks();
    setClock(30 * DAY + 1);
    const after = sqliteInbox(options);
    while ((await after.deadLetters()).length > 0);
    await after.close();
    expect(countRows(file, "notification")).toBe(0);
  });

  it("deletes dead letters after 30 days even if the clock was ahead when they failed", async () => {
    const file = temporaryFile();
    setClock(365 * DAY);
    await makeDeadLetter({ file, attempts: 1 });
    jest.restoreAllMocks();
    const now = sqliteInbox({ file });
    await now.ready();
    await now.close();

    setClock(30 * DAY + 60_000);
    const after = sqliteInbox({ file });
    while ((await after.deadLetters()).length > 0);
    await after.close();
    expect(countRows(file, "notification")).toBe(0);
  });

  it("does not delay a hand-over when the clock jumps back", async () => {
    // With a short lock, this process soon looks at the clock again.
    const inbox = sqliteInbox({ file: temporaryFile(), lockDuration: 400 });
    const { handOver, received } = createReception();
    inbox.consume(async (message, delivery) => {
      await handOver(message, delivery);
      if (delivery.attempt > 1) return;
      setClock(DAY);
      // The next attempt is scheduled as soon as this one has failed.
      setImmediate(() => jest.restoreAllMocks());
      throw new Error("failed while the clock was ahead");
    });
    await inbox.accept(freshNotification(), freshDelivery());
    const [, second] = await received(2);
    expect(second?.[1].attempt).toBe(2);
    await inbox.close();
  });
});
