import { randomBytes } from "node:crypto";

import type {
  Delivery,
  Inbox,
  MessageNotification,
  TelesignCallbackError,
} from "telesign-callback";

/** A notification that no inbox has seen. */
export function freshNotification(
  overrides: Partial<MessageNotification> = {},
): MessageNotification {
  return Object.freeze({
    submit_timestamp: "2018-02-12T14:57:11.765723",
    from_phone_number: "15551230001",
    mo_message: "Hi, this is your driver",
    mo_reference_id: randomBytes(16).toString("hex"),
    session_reference_id: "0123456789ABCDEF0123456789ABCDEF",
    to_phone_number: "15551230002",
    ...overrides,
  });
}

export function freshDelivery(): Delivery {
  return { receivedAt: new Date(), submittedAt: new Date("2018-02-12T14:57:11.765Z"), attempt: 1 };
}

/** Keeps what an inbox hands over. `received(count)` waits for `count` hand-overs. */
export function createReception(listener: (message: MessageNotification) => unknown = () => {}) {
  const handOvers: [MessageNotification, Delivery][] = [];
  let wake = () => {};

  async function handOver(message: MessageNotification, delivery: Delivery) {
    handOvers.push([message, delivery]);
    wake();
    await listener(message);
  }

  async function received(count: number) {
    while (handOvers.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return handOvers;
  }

  return { handOver, handOvers, received };
}

/** Keeps the errors that an inbox reports. `received(count)` waits for `count` errors. */
export function createErrors() {
  const errors: TelesignCallbackError[] = [];
  let wake = () => {};

  function listener(error: Error) {
    errors.push(error as TelesignCallbackError);
    wake();
  }

  async function received(count: number) {
    while (errors.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return errors;
  }

  return { errors, listener, received };
}

/** The contract of every inbox. */
export function describeInbox(name: string, makeInbox: () => Inbox): void {
  describe(`${name}, as an inbox`, () => {
    let inbox: Inbox;
    beforeEach(() => {
      inbox = makeInbox();
      // On a busy machine, an engine may answer late, which costs no message.
      inbox.onError?.(() => {});
    });
    afterEach(() => inbox.close());

    it("hands a notification over as it was accepted, with its delivery", async () => {
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const message = freshNotification({ carrier: { name: "known to be", hops: [1, 2] } });
      const delivery = freshDelivery();
      expect(await inbox.accept(message, delivery)).toBe("accepted");
      expect(await received(1)).toEqual([[message, delivery]]);
    });

    it("hands over a notification whose time of sending is unknown", async () => {
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const delivery = { ...freshDelivery(), submittedAt: undefined };
      await inbox.accept(freshNotification(), delivery);
      expect(await received(1)).toEqual([[expect.anything(), delivery]]);
    });

    it("hands over frozen notifications", async () => {
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await inbox.accept(freshNotification(), freshDelivery());
      const [[message] = []] = await received(1);
      expect(message).toBeDefined();
      expect(Object.isFrozen(message)).toBe(true);
    });

    it("accepts one of several simultaneous deliveries, and hands it over once", async () => {
      const { handOver, handOvers, received } = createReception();
      inbox.consume(handOver);
      const acceptAll = (messages: MessageNotification[]) =>
        Promise.all(messages.map(async (message) => inbox.accept(message, freshDelivery())));
      // Once connected, an engine answers in time even on a busy machine.
      await acceptAll(Array.from({ length: 20 }, () => freshNotification()));
      const message = freshNotification();
      const outcomes = await acceptAll(Array.from({ length: 20 }, () => message));
      expect(outcomes.filter((outcome) => outcome === "accepted")).toHaveLength(1);
      await inbox.accept(freshNotification(), freshDelivery());
      await received(22);
      expect(
        handOvers.filter(([{ mo_reference_id: id }]) => id === message.mo_reference_id),
      ).toHaveLength(1);
    });

    it("recognises a retry of a notification that was handed over", async () => {
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      const message = freshNotification();
      await inbox.accept(message, freshDelivery());
      await received(1);
      expect(await inbox.accept(message, freshDelivery())).toBe("duplicate");
    });

    it("keeps a notification for the next consumer if it arrives while there is none", async () => {
      const message = freshNotification();
      await inbox.accept(message, freshDelivery());
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      expect(await received(1)).toEqual([[message, expect.anything()]]);
    });

    it("hands nothing over to a consumer that stopped, and continues with the next", async () => {
      const first = createReception();
      await inbox.consume(first.handOver)();
      await inbox.accept(freshNotification(), freshDelivery());
      const second = createReception();
      inbox.consume(second.handOver);
      await second.received(1);
      expect(first.handOvers).toEqual([]);
    });

    it("lets no failing hand-over hold up another", async () => {
      const poison = freshNotification();
      const { handOver, received } = createReception((message) => {
        if (message.mo_reference_id === poison.mo_reference_id) throw new Error("poisoned");
      });
      inbox.consume(handOver);
      await inbox.accept(poison, freshDelivery());
      await received(1);
      await inbox.accept(freshNotification(), freshDelivery());
      expect(await received(2)).toHaveLength(2);
    });

    it.each([
      ["no words", ""],
      ["U+0000", "before\u0000after"],
      ["a lone surrogate", "before\ud83dafter"],
      ["an emoji", "🚕"],
      ["60,000 bytes", "x".repeat(60_000)],
    ])("leaves a text with %s unchanged", async (_, text) => {
      const { handOver, received } = createReception();
      inbox.consume(handOver);
      await inbox.accept(freshNotification({ mo_message: text }), freshDelivery());
      const [[message] = []] = await received(1);
      expect(message?.mo_message).toBe(text);
    });

    it("closes while nobody consumes", async () => {
      await expect(inbox.close()).resolves.toBeUndefined();
    });
  });
}
