import { randomBytes } from "node:crypto";

import type { MessageNotification } from "telesign-callback";

import type { DurableInbox } from "../../lib/inbox/durable/durable-inbox.js";
import {
  createErrors,
  createReception,
  freshDelivery,
  freshNotification,
} from "./inbox-contract.js";

/** The options that the contract sets on a durable inbox, whatever its engine. */
export interface DurableOptions {
  readonly attempts?: number;
  readonly dedupeTtl?: number;
  readonly encryptionKey?: Buffer | readonly Buffer[];
}

/** The store of one spec's inboxes: empty at first; later inboxes find what earlier ones left. */
export interface Store {
  open(options?: DurableOptions): DurableInbox;
}

class ListenerError extends Error {
  override readonly name = "ListenerError";
  readonly code = "E_LISTENER";
}

/** What every durable inbox promises beyond the contract of an inbox. */
export function describeDurableInbox(name: string, makeStore: () => Store): void {
  describe(`${name}, as a durable inbox`, () => {
    let store: Store;
    let inbox: DurableInbox;
    beforeEach(() => (store = makeStore()));
    afterEach(() => inbox.close());

    function open(options: DurableOptions = {}) {
      inbox = store.open(options);
      const errors = createErrors();
      inbox.onError?.(errors.listener);
      return errors;
    }

    function accept(message = freshNotification()) {
      return inbox.accept(message, freshDelivery());
    }

    /** Accepts a notification whose only attempt fails. */
    async function acceptDeadLetter(message = freshNotification()) {
      const { received } = open({ attempts: 1 });
      const failure = new ListenerError("the text of a listener's error");
      const stop = inbox.consume(() => Promise.reject(failure));
      await accept(message);
      const [error] = await received(1);
      await stop();
      return { message, error, failure };
    }

    it("is ready when its engine completes a write", async () => {
      open();
      await expect(inbox.ready()).resolves.toBeUndefined();
    });

    it("hands a notification over again when a listener fails, and counts the attempts", async () => {
      open({ attempts: 2 });
      const message = freshNotification();
      const { handOver, received } = createReception();
      inbox.consume(async (...args) => {
        await handOver(...args);
        if (args[1].attempt === 1) throw new ListenerError();
      });
      await accept(message);
      const handOvers = await received(2);
      expect(handOvers.map(([, { attempt }]) => attempt)).toEqual([1, 2]);
      expect(handOvers[1]?.[0]).toEqual(message);
    });

    it("hands a notification over once while a stopped consumer still handles it and others come and go", async () => {
      open();
      const { handOver, handOvers, received } = createReception();
      let finish = () => {};
      const stopFirst = inbox.consume(async (...args) => {
        await handOver(...args);
        await new Promise<void>((resolve) => (finish = resolve));
      });
      const messages = [freshNotification(), freshNotification()];
      await accept(messages[0]);
      await received(1);
      const stopped = stopFirst();
      await inbox.consume(handOver)();
      inbox.consume(handOver);
      await accept(messages[1]);
      await received(2);
      finish();
      await stopped;
      expect(handOvers.map(([message]) => message)).toEqual(messages);
    });

    it.each([undefined, null, 5, {}, ["a"]])(
      "refuses %p as the reference of a dead letter, and still works",
      async (reference) => {
        const { errors } = open();
        for (const call of ["redrive", "discard"] as const) {
          const called = inbox[call](reference as string);
          await expect(called).rejects.toMatchObject({ name: "TypeError" });
        }
        expect(await accept()).toBe("accepted");
        expect(errors).toEqual([]);
      },
    );

    it("hands over stored notifications after it was closed and opened again", async () => {
      open();
      const message = freshNotification();
      await accept(message);
      await inbox.close();
      open();
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      expect(await received(1)).toEqual([[message, expect.objectContaining({ attempt: 1 })]]);
      expect(await accept(message)).toBe("duplicate");
    });

    it("hands over what a custom schema returned for a notification", async () => {
      open();
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const { mo_reference_id } = freshNotification();
      const message: object = { mo_reference_id, mo_message: 5, words: ["own"] };
      await accept(message as MessageNotification);
      expect(await received(1)).toEqual([[message, expect.anything()]]);
    });

    it("rejects a notification that cannot be stored, treats its retry as a duplicate, and still works", async () => {
      const { errors } = open();
      let nested: unknown[] = [];
      for (let depth = 0; depth < 20_000; depth += 1) nested = [nested];
      const message = freshNotification({ nested });
      await expect(accept(message)).rejects.toThrow(RangeError);
      expect(await accept(message)).toBe("duplicate");
      expect(await accept()).toBe("accepted");
      expect(errors).toEqual([]);
    });

    it("reports a notification whose attempts are used up, with the listener's error as the cause", async () => {
      const { message, error, failure } = await acceptDeadLetter();
      expect(error).toMatchObject({ code: "ERR_DEAD_LETTER", notification: message });
      expect(error?.cause).toBe(failure);
    });

    it("lists dead letters with the name and code of the listener's error, but not its text", async () => {
      const { message } = await acceptDeadLetter();
      const [letter] = await inbox.deadLetters();
      expect(letter).toEqual({
        message,
        reference: message.mo_reference_id,
        attempts: 1,
        failedAt: expect.any(Date),
        error: { name: "ListenerError", code: "E_LISTENER" },
      });
      expect(Math.abs(Date.now() - letter!.failedAt.getTime())).toBeLessThan(60_000);
    });

    it.each([
      ["a value that is not an error", "not an error"],
      ["an error whose name and code are sentences", { name: "a name", code: "the text: hello" }],
    ])(
      "keeps nothing of a listener's failure that may repeat a message: %s",
      async (_, failure) => {
        const { received } = open({ attempts: 1 });
        inbox.consume(() => Promise.reject(failure));
        await accept();
        await received(1);
        expect(await inbox.deadLetters()).toMatchObject([{ error: { name: "Error" } }]);
      },
    );

    it("lists dead letters, oldest first, up to a limit", async () => {
      const { received } = open({ attempts: 1 });
      inbox.consume(() => Promise.reject(new ListenerError()));
      const messages = [freshNotification(), freshNotification(), freshNotification()];
      for (const [index, message] of messages.entries()) {
        await accept(message);
        await received(index + 1);
      }
      const listed = (await inbox.deadLetters({ limit: 2 })).map(({ message }) => message);
      expect(listed).toEqual(messages.slice(0, 2));
      expect(await inbox.deadLetters()).toHaveLength(3);
    });

    it.each([{ limit: 0 }, { limit: "all" }, { limit: undefined }, { most: 1 }])(
      "refuses to list dead letters with the options %j",
      async (options) => {
        open();
        const listing = inbox.deadLetters(options as object);
        await expect(listing).rejects.toMatchObject({ name: "TypeError" });
      },
    );

    it("hands a redriven dead letter over from attempt 1, although its reference is remembered", async () => {
      const { message } = await acceptDeadLetter();
      expect(await inbox.redrive(message.mo_reference_id)).toBe(true);
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      expect(await received(1)).toEqual([[message, expect.objectContaining({ attempt: 1 })]]);
      expect(await inbox.deadLetters()).toEqual([]);
      expect(await accept(message)).toBe("duplicate");
    });

    it("discards a dead letter, which can then be neither discarded nor redriven", async () => {
      const { message } = await acceptDeadLetter();
      expect(await inbox.discard(message.mo_reference_id)).toBe(true);
      expect(await inbox.deadLetters()).toEqual([]);
      expect(await inbox.discard(message.mo_reference_id)).toBe(false);
      expect(await inbox.redrive(message.mo_reference_id)).toBe(false);
    });

    it.each([
      ["redriven", ["redrive", "redrive", "redrive"]],
      ["discarded", ["discard", "discard", "discard"]],
      ["redriven and discarded", ["discard", "redrive", "discard", "redrive"]],
    ] as const)(
      "lets one of several concurrent calls succeed when a dead letter is %s",
      async (_, calls) => {
        const { message } = await acceptDeadLetter();
        const outcomes = await Promise.all(
          calls.map((call) => inbox[call](message.mo_reference_id)),
        );
        expect(outcomes.filter((outcome) => outcome)).toEqual([true]);
        expect(await inbox.deadLetters()).toEqual([]);
        const { handOver, handOvers, received } = createReception();
        inbox.consume(handOver);
        const next = freshNotification();
        await accept(next);
        const isRedriven = calls[outcomes.indexOf(true)] === "redrive";
        await received(isRedriven ? 2 : 1);
        expect(handOvers).toHaveLength(isRedriven ? 2 : 1);
      },
    );

    it.each(["redrive", "discard"] as const)(
      "applies %s to every dead letter that has the given reference",
      async (call) => {
        const { received } = open({ attempts: 1, dedupeTtl: 1 });
        const stop = inbox.consume(() => Promise.reject(new ListenerError()));
        const [first, other] = [freshNotification(), freshNotification()];
        const second = { ...first, mo_message: "sent once the reference was forgotten" };
        await accept(first);
        await accept(other);
        await received(2);
        while ((await accept(second)) === "duplicate");
        await received(3);
        await stop();
        expect(await inbox[call](first.mo_reference_id)).toBe(true);
        const left = (await inbox.deadLetters()).map(({ message }) => message);
        expect(left).toEqual([other]);
        const { handOver, handOvers, received: receivedAgain } = createReception();
        inbox.consume(handOver);
        const next = freshNotification();
        await accept(next);
        const expected = call === "redrive" ? [first, second, next] : [next];
        await receivedAgain(expected.length);
        const handedOver = handOvers.map(([message]) => message);
        expect(handedOver).toEqual(expect.arrayContaining(expected));
      },
    );

    it("remembers the reference of a dead letter that was discarded", async () => {
      const { message } = await acceptDeadLetter();
      await inbox.discard(message.mo_reference_id);
      expect(await accept(message)).toBe("duplicate");
    });

    it("neither redrives nor discards a notification that is not a dead letter", async () => {
      open();
      const message = freshNotification();
      await accept(message);
      expect(await inbox.redrive(message.mo_reference_id)).toBe(false);
      expect(await inbox.discard(message.mo_reference_id)).toBe(false);
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await received(1);
    });

    it("finds a dead letter by a long reference with a space", async () => {
      const reference = `odd ${"x".repeat(200)}`;
      await acceptDeadLetter(freshNotification({ mo_reference_id: reference }));
      const [letter] = await inbox.deadLetters();
      expect(letter?.reference).toBe(reference);
      expect(await inbox.discard(reference)).toBe(true);
    });

    it("hands notifications to a consumer that comes while the previous one stops", async () => {
      open();
      let settle = () => {};
      const first = createReception(() => new Promise<void>((resolve) => (settle = resolve)));
      const stop = inbox.consume(first.handOver);
      await accept();
      await first.received(1);
      const stopped = stop();
      const second = createReception();
      inbox.consume(second.handOver);
      settle();
      await stopped;
      const message = freshNotification();
      await accept(message);
      expect(await second.received(1)).toEqual([[message, expect.anything()]]);
      expect(first.handOvers).toHaveLength(1);
    });

    it("can be closed as soon as a consumer has come", async () => {
      open();
      inbox.consume(() => Promise.resolve());
      await expect(inbox.close()).resolves.toBeUndefined();
    });

    it("rejects an operator's calls once it is closed", async () => {
      open();
      await inbox.close();
      const closed = { code: "ERR_INBOX", message: "the inbox is closed" };
      await expect(inbox.deadLetters()).rejects.toMatchObject(closed);
      await expect(inbox.redrive("a")).rejects.toMatchObject(closed);
      await expect(inbox.discard("a")).rejects.toMatchObject(closed);
    });

    it("hands over both encrypted notifications and those that it stored before there was a key", async () => {
      const messages = [freshNotification(), freshNotification()];
      open();
      await accept(messages[0]);
      await inbox.close();
      open({ encryptionKey: randomBytes(32) });
      await accept(messages[1]);
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const handedOver = (await received(2)).map(([message]) => message);
      expect(handedOver).toEqual(expect.arrayContaining(messages));
    });

    it.each([
      ["a reference as TeleSign sends it", {}],
      ["a long reference with a space", { mo_reference_id: `odd ${"x".repeat(200)}` }],
    ])(
      "keeps a notification with %s as a dead letter until a key opens it",
      async (_, overrides) => {
        const [key, other] = [randomBytes(32), randomBytes(32)];
        const message = freshNotification(overrides);
        open({ encryptionKey: key });
        await accept(message);
        await inbox.close();

        const { received } = open({ encryptionKey: other });
        const stranger = createReception();
        inbox.consume(stranger.handOver);
        const [error] = await received(1);
        expect(error).toMatchObject({
          code: "ERR_DEAD_LETTER",
          message: expect.stringContaining("encryptionKey"),
        });
        const [letter] = await inbox.deadLetters();
        expect(letter).toMatchObject({
          message: undefined,
          attempts: 0,
          error: { code: "ERR_LOCKED" },
        });
        // The reference is all that is known of the notification.
        expect(error?.message).toContain(letter?.reference);
        expect(stranger.handOvers).toEqual([]);
        await inbox.close();

        open({ encryptionKey: [other, key] });
        expect(await inbox.redrive(letter!.reference)).toBe(true);
        const { handOver, received: handedOver } = createReception();
        inbox.consume(handOver);
        expect(await handedOver(1)).toEqual([[message, expect.objectContaining({ attempt: 1 })]]);
      },
    );
  });
}
