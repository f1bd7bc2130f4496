import { once } from "node:events";

import { sqliteInbox } from "telesign-callback/sqlite";

import { createReception, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { describeWithSqlite, startReceiver, temporaryFile } from "./support/sqlite.js";

// Long enough for a busy machine, short enough for a spec.
const LOCK_DURATION = 500;

describeWithSqlite("sqliteInbox, in a process that is killed", () => {
  it("has every acknowledged notification on the disk", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: 0, isConsumer: false });
    const messages = Array.from({ length: 20 }, () => freshNotification());
    expect(await Promise.all(messages.map(receiver.deliver))).not.toContain(false);
    await receiver.end("SIGKILL");

    const inbox = sqliteInbox({ file });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    const handedOver = (await received(messages.length)).map(([message]) => message);
    expect(handedOver).toEqual(expect.arrayContaining(messages));
    expect(await inbox.accept(messages[0]!, freshDelivery())).toBe("duplicate");
    await inbox.close();
  });

  it("repeats its unfinished hand-overs at once when it restarts as the only process", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: "endless" });
    const message = freshNotification();
    await receiver.deliver(message);
    await receiver.said((line) => "started" in line);
    await receiver.end("SIGKILL");

    // The default lock is 30 s, which is longer than this spec may take.
    const inbox = sqliteInbox({ file });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    expect(await received(1)).toEqual([[message, expect.objectContaining({ attempt: 2 })]]);
    await inbox.close();
  });

  it("leaves its unfinished hand-overs to a process that lives on", async () => {
    const options = { file: temporaryFile(), lockDuration: LOCK_DURATION };
    const receiver = await startReceiver({ options, work: "endless" });
    const message = freshNotification();
    await receiver.deliver(message);
    await receiver.said((line) => "started" in line);
    const inbox = sqliteInbox(options);
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.ready();
    await receiver.end("SIGKILL");

    expect(await received(1)).toEqual([[message, expect.objectContaining({ attempt: 2 })]]);
    await inbox.close();
  });

  it("counts the attempts that crashes cut short, and reports a dead letter after the last", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: "endless" });
    const message = freshNotification();
    await receiver.deliver(message);
    await receiver.said((line) => "started" in line);
    await receiver.end("SIGKILL");

    const inbox = sqliteInbox({ file, attempts: 1 });
    const { handOver, handOvers } = createReception();
    const error = await new Promise((resolve) => {
      inbox.onError?.(resolve);
      inbox.consume(handOver);
    });
    expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: message });
    expect(handOvers).toEqual([]);
    expect(await inbox.deadLetters()).toMatchObject([
      { message, attempts: 1, error: { name: "DeadLetterError", code: "ERR_CUT_SHORT" } },
    ]);
    await inbox.close();
  });
});

describeWithSqlite("sqliteInbox, in several processes on one file", () => {
  it("hands each notification over once, whichever process receives it", async () => {
    const options = { file: temporaryFile() };
    const receivers = await Promise.all([
      startReceiver({ options, work: 5 }),
      startReceiver({ options, work: 5 }),
    ]);
    const messages = Array.from({ length: 200 }, () => freshNotification());
    // TeleSign's retry may reach a different process from the first delivery, at the same time.
    const deliveries = messages.flatMap((message) =>
      receivers.map(({ deliver }) => deliver(message)),
    );
    expect(await Promise.all(deliveries)).not.toContain(false);
    const finished = () =>
      receivers.flatMap(({ lines }) => lines.flatMap((line) => line.finished ?? []));
    while (finished().length < messages.length) {
      const heard = new AbortController();
      const next = receivers.map(({ child }) => once(child.stdout!, "data", heard).catch(() => {}));
      await Promise.race(next);
      heard.abort();
    }
    await Promise.all(receivers.map(({ end }) => end("SIGTERM")));
    expect(finished().sort()).toEqual(messages.map((each) => each.mo_reference_id).sort());
  });

  it("hands a consumer the notifications that another process accepts", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: 0, isConsumer: false });
    const inbox = sqliteInbox({ file });
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.ready();
    const message = freshNotification();
    await receiver.deliver(message);
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    await receiver.end("SIGTERM");
    await inbox.close();
  });

  it("leaves a hand-over to a living process while another process's consumers come and go", async () => {
    const file = temporaryFile();
    const receiver = await startReceiver({ options: { file }, work: "endless" });
    await receiver.deliver(freshNotification());
    await receiver.said((line) => "started" in line);
    const inbox = sqliteInbox({ file });
    const { handOver, received } = createReception();
    for (let count = 0; count < 10; count += 1) await inbox.consume(handOver)();
    inbox.consume(handOver);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    expect(await received(1)).toEqual([[message, expect.anything()]]);
    await receiver.end("SIGKILL");
    await inbox.close();
  });

  it.each([
    ["the same", LOCK_DURATION],
    ["a longer", 60 * LOCK_DURATION],
  ])(
    "leaves a hand-over that takes longer than its own lockDuration to a living process with %s one",
    async (_, lockDuration) => {
      const file = temporaryFile();
      const receiver = await startReceiver({
        options: { file, lockDuration },
        work: 6 * LOCK_DURATION,
      });
      const inbox = sqliteInbox({ file, lockDuration: LOCK_DURATION });
      const { handOver, handOvers } = createReception();
      await receiver.deliver(freshNotification());
      await receiver.said((line) => "started" in line);
      inbox.consume(handOver);
      await receiver.said((line) => "finished" in line);
      expect(handOvers).toEqual([]);
      // If the receiver were taken for dead, it could also claim the notification again itself.
      expect(receiver.lines.filter((line) => "started" in line)).toHaveLength(1);
      await receiver.end("SIGTERM");
      await inbox.close();
    },
    10_000,
  );
});
