import type { Engine } from "../lib/inbox/durable/engine.js";
import { createOutageBuffer, type OutageBuffer } from "../lib/inbox/durable/outage-buffer.js";
import type { Storable } from "../lib/inbox/durable/waiting-room.js";
import { createErrors, freshDelivery, freshNotification } from "./support/inbox-contract.js";

// The package takes Node's own timers when it is loaded. Here it gets the ones that the spec fakes.
jest.mock("node:timers", () => ({
  setTimeout: (callback: () => void, delay: number) => setTimeout(callback, delay),
  clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
  setImmediate,
}));

type Answer = "accepted" | Error;

/** Calls to an engine, which the spec answers in any order. */
function createQuestions() {
  const pending: ((answer: Answer) => void)[] = [];

  function ask() {
    return new Promise<"accepted">((resolve, reject) => {
      pending.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  /** Answers the call number `index`, counted from 0, once it has been made. */
  async function answer(index: number, answer: Answer) {
    while (pending.length <= index) await jest.advanceTimersByTimeAsync(100);
    pending[index]?.(answer);
    await turn();
  }

  return { ask, answer, pending };
}

function turn() {
  return new Promise<void>((resolve) => setImmediate(resolve));
}

const missing = new Error("no schema");
const refusal = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });

describe("createOutageBuffer, in front of an engine", () => {
  let buffer: OutageBuffer;
  let stores: ReturnType<typeof createQuestions>;
  let checks: ReturnType<typeof createQuestions>;
  let errors: ReturnType<typeof createErrors>["errors"];
  const passOn = jest.fn();
  let sizeOfEach: number;
  const accept = (message = freshNotification()) => buffer.accept(message, freshDelivery());

  let ownsConnections: boolean;
  let report: (error: Error) => void;

  function create() {
    const engine: Engine<Storable> = {
      prepare: ({ mo_reference_id }) => ({ reference: mo_reference_id, size: sizeOfEach }),
      store: stores.ask,
      check: async () => void (await checks.ask()),
      ownsConnections,
      reconnect: () => {},
      onOutage: () => {},
      onRecovery: () => {},
      describeCause: (error) => (error === refusal ? "it refuses" : undefined),
      describeMisconfiguration: (error) =>
        error === missing ? "the schema is missing" : undefined,
    };
    return createOutageBuffer({
      engine,
      maxBuffered: 10,
      aftermath: 60_000,
      passOn,
      report,
    });
  }

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick"] });
    stores = createQuestions();
    checks = createQuestions();
    const { listener, ...reported } = createErrors();
    errors = reported.errors;
    passOn.mockReset();
    sizeOfEach = 1;
    ownsConnections = true;
    report = listener;
    buffer = create();
  });
  afterEach(async () => {
    const closed = buffer.close();
    stores.pending.forEach((settle) => settle("accepted"));
    await closed;
    jest.useRealTimers();
  });

  it("reports an engine that comes back without its schema, and passes on what waits", async () => {
    const [first, second] = [freshNotification(), freshNotification()];
    const outcome = accept(first);
    await stores.answer(0, refusal);
    expect([await outcome, await accept(second)]).toEqual(["accepted", "accepted"]);
    await stores.answer(1, missing);
    while (passOn.mock.calls.length < 2) await turn();
    expect(passOn.mock.calls.map(([stored]) => stored.reference)).toEqual(
      [first, second].map((message) => message.mo_reference_id),
    );
    expect(errors.map(({ message }) => message).at(-1)).toBe(MISSING);
    await checks.answer(0, missing);
    expect(errors).toHaveLength(2);
  });

  it("keeps one of two simultaneous deliveries of a notification if neither could be stored", async () => {
    const message = freshNotification();
    const outcomes = Promise.all([accept(message), accept(message)]);
    await stores.answer(0, refusal);
    await stores.answer(1, refusal);
    expect(await outcomes).toEqual(["accepted", "duplicate"]);
    await checks.answer(0, "accepted");
    await stores.answer(2, "accepted");
    expect(stores.pending).toHaveLength(3);
  });

  it("stores a notification that the engine refused after an outage was over", async () => {
    const outcomes = Promise.all([accept(), accept(), accept()]);
    await stores.answer(0, refusal);
    await checks.answer(0, "accepted");
    await stores.answer(1, refusal);
    await stores.answer(3, "accepted");
    await stores.answer(4, "accepted");
    await stores.answer(2, refusal);
    await stores.answer(5, "accepted");
    expect(await outcomes).toEqual(["accepted", "accepted", "accepted"]);
    expect(errors).toHaveLength(1);
    expect(buffer.isDown()).toBe(false);
  });

  it.each(Array.from({ length: 20 }, (_, ticks) => ticks))(
    "stores at once a notification that was refused just as the last waiting one was stored: after %i ticks",
    async (ticks) => {
      const outcomes = Promise.all([accept(), accept()]);
      await stores.answer(0, refusal);
      await checks.answer(0, "accepted");
      stores.pending[2]?.("accepted");
      for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
      await stores.answer(1, refusal);
      expect(await outcomes).toEqual(["accepted", "accepted"]);
      expect(stores.pending).toHaveLength(4);
      await stores.answer(3, "accepted");
      expect(buffer.waiting()).toBe(0);
    },
  );

  it("waits again if the engine refuses what has waited", async () => {
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    await checks.answer(0, "accepted");
    expect(buffer.isDown()).toBe(false);
    await stores.answer(1, refusal);
    expect(buffer.isDown()).toBe(true);
    await stores.answer(2, "accepted");
    expect(buffer.isDown()).toBe(false);
    expect(errors).toHaveLength(1);
  });

  it("reports one outage if both an error and a notification reveal it", async () => {
    buffer.suspect(refusal);
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    await checks.answer(0, refusal);
    expect(errors).toHaveLength(1);
  });

  it("reports one outage if it begins while an error is being checked", async () => {
    buffer.suspect(refusal);
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    await checks.answer(0, "accepted");
    expect(errors).toHaveLength(1);
    expect(buffer.isDown()).toBe(true);
    await stores.answer(1, "accepted");
    expect(buffer.isDown()).toBe(false);
  });

  it("does not report the errors that an outage leaves behind", async () => {
    buffer.suspect(refusal);
    await checks.answer(0, refusal);
    await checks.answer(1, "accepted");
    buffer.suspect(new Error("a lock was lost"));
    await checks.answer(2, "accepted");
    expect(errors).toEqual([
      expect.objectContaining({ code: "ERR_INBOX", message: `${OUTAGE}: it refuses` }),
    ]);
  });

  it("passes on a notification that the engine refuses after the buffer was closed", async () => {
    const message = freshNotification();
    const outcome = accept(message);
    await buffer.close();
    await stores.answer(0, refusal);
    expect(await outcome).toBe("accepted");
    expect(passOn).toHaveBeenCalledTimes(1);
    const reference = message.mo_reference_id;
    expect(passOn).toHaveBeenCalledWith(expect.objectContaining({ reference }), undefined);
  });

  it("passes the oldest notification on when more than 64 MB of text would wait", async () => {
    sizeOfEach = 40 * 1024 * 1024;
    const [first, second] = [freshNotification(), freshNotification()];
    const outcome = accept(first);
    await stores.answer(0, refusal);
    await outcome;
    expect(passOn).not.toHaveBeenCalled();
    expect(await accept(second)).toBe("accepted");
    const reference = first.mo_reference_id;
    expect(passOn.mock.calls).toEqual([[expect.objectContaining({ reference }), refusal]]);
    expect(await accept(first)).toBe("duplicate");
  });

  it("passes notifications on at once while the engine is misconfigured", async () => {
    const outcome = accept();
    await stores.answer(0, missing);
    expect(await outcome).toBe("accepted");
    await accept();
    expect(passOn).toHaveBeenCalledTimes(2);
    expect(buffer.isDown()).toBe(true);
  });

  it("reports an outage with the engine's description of its cause", async () => {
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    expect(errors.map(({ message }) => message)).toEqual([`${OUTAGE}: it refuses`]);
  });

  it("reports repeated errors once for each code", async () => {
    for (const [index, code] of ["A", "A", "B", "A", "B"].entries()) {
      buffer.suspect(Object.assign(new Error(), { code }));
      await checks.answer(index, "accepted");
    }
    expect(errors.map(({ cause }) => cause)).toMatchObject([{ code: "A" }, { code: "B" }]);
  });

  it("reports once an error that turns into an outage with the same cause", async () => {
    buffer.suspect(refusal);
    await checks.answer(0, "accepted");
    expect(errors).toHaveLength(1);
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    expect(buffer.isDown()).toBe(true);
    expect(errors).toHaveLength(1);
  });

  it("reports an outage again only if its cause has been absent for a minute", async () => {
    for (const [index, pause] of [30_000, 61_000, 0].entries()) {
      buffer.suspect(refusal);
      await checks.answer(3 * index, refusal);
      await checks.answer(3 * index + 1, refusal);
      await checks.answer(3 * index + 2, "accepted");
      expect(buffer.isDown()).toBe(false);
      await jest.advanceTimersByTimeAsync(pause);
    }
    expect(errors).toHaveLength(2);
  });

  it("reports an engine that comes back and then turns out to be misconfigured", async () => {
    buffer.suspect(refusal);
    await checks.answer(0, refusal);
    await checks.answer(1, "accepted");
    buffer.suspect(missing);
    await checks.answer(2, missing);
    expect(errors.map(({ message }) => message)).toEqual([`${OUTAGE}: it refuses`, MISSING]);
  });

  it("reports a second outage soon after the first if it has another cause", async () => {
    buffer.suspect(refusal);
    await checks.answer(0, refusal);
    await checks.answer(1, "accepted");
    await jest.advanceTimersByTimeAsync(30_000);
    buffer.suspect(Object.assign(new Error(), { code: "ECONNRESET" }));
    await checks.answer(2, Object.assign(new Error(), { code: "ECONNRESET" }));
    expect(errors).toHaveLength(2);
  });

  describe("asked whether it is ready", () => {
    it("resolves once the engine has completed a write", async () => {
      const ready = buffer.ready();
      await checks.answer(0, "accepted");
      await expect(ready).resolves.toBeUndefined();
    });

    it("rejects with the reason that the engine gives", async () => {
      const ready = buffer.ready();
      const rejected = expect(ready).rejects.toMatchObject({
        code: "ERR_INBOX",
        message: "it refuses",
        cause: { code: "ECONNREFUSED" },
      });
      await checks.answer(0, refusal);
      await rejected;
    });

    it("waits for an engine that is slow, such as one that still migrates", async () => {
      const ready = buffer.ready();
      await jest.advanceTimersByTimeAsync(2_500);
      await checks.answer(2, "accepted");
      await expect(ready).resolves.toBeUndefined();
    });

    it("rejects after 10 s if the engine never answers", async () => {
      const rejected = expect(buffer.ready()).rejects.toMatchObject({
        message: "the inbox's engine does not accept writes",
        cause: { code: "ETIMEDOUT" },
      });
      await jest.advanceTimersByTimeAsync(11_000);
      await rejected;
    });

    it("rejects with an error that says what is misconfigured", async () => {
      const rejected = expect(buffer.ready()).rejects.toThrow("the schema is missing");
      await checks.answer(0, missing);
      await rejected;
    });

    it("rejects with the error that a connection reported after the engine fell silent", async () => {
      const outcome = accept();
      await jest.advanceTimersByTimeAsync(1_000);
      await outcome;
      buffer.suspect(refusal);
      const rejected = expect(buffer.ready()).rejects.toMatchObject({ message: "it refuses" });
      await jest.advanceTimersByTimeAsync(1_000);
      await rejected;
    });

    it("rejects with the reason of the outage if the engine says nothing", async () => {
      const outcome = accept();
      await stores.answer(0, refusal);
      await outcome;
      const rejected = expect(buffer.ready()).rejects.toMatchObject({
        cause: { code: "ECONNREFUSED" },
      });
      await jest.advanceTimersByTimeAsync(1_000);
      await rejected;
    });
  });

  it("waits for a call that hangs on the user's own connection", async () => {
    ownsConnections = false;
    buffer = create();
    buffer.suspect(refusal);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(buffer.isDown()).toBe(true);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(checks.pending).toHaveLength(2);
    await checks.answer(1, "accepted");
    await jest.advanceTimersByTimeAsync(500);
    expect(buffer.isDown()).toBe(false);
  });

  it("asks the engine nothing more once it is closed", async () => {
    await buffer.close();
    await expect(buffer.ready()).rejects.toMatchObject({ message: "the inbox is closed" });
    buffer.suspect(refusal);
    expect(checks.pending).toHaveLength(0);
  });
});

const MISSING =
  "the schema is missing; until that is repaired, listeners of this process get notifications at once";
const OUTAGE =
  "the inbox's engine cannot store notifications; they wait in this process until it can";
