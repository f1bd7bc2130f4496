import {
  createOutageBuffer,
  type Engine,
  type OutageBuffer,
} from "../lib/inbox/durable/outage-buffer.js";
import { createErrors, freshDelivery, freshNotification } from "./support/inbox-contract.js";

type Answer = "accepted" | Error;

/** Questions to an engine, each to be answered by the spec, in any order. */
function createQuestions() {
  const pending: ((answer: Answer) => void)[] = [];

  function ask() {
    return new Promise<"accepted">((resolve, reject) => {
      pending.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  /** Answers the question that was asked `index` questions after the first, when it is asked. */
  async function answer(index: number, answer: Answer) {
    while (pending.length <= index) await turn();
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
  const accept = (message = freshNotification()) => buffer.accept(message, freshDelivery());

  beforeEach(() => {
    stores = createQuestions();
    checks = createQuestions();
    const { listener, ...reported } = createErrors();
    errors = reported.errors;
    passOn.mockReset();
    const engine: Engine<string> = {
      prepare: ({ mo_reference_id }) => mo_reference_id,
      store: stores.ask,
      check: async () => void (await checks.ask()),
      ownsConnections: true,
      reconnect: () => {},
      onOutage: () => {},
      onAnswer: () => {},
      describeMisconfiguration: (error) =>
        error === missing ? "the schema is missing" : undefined,
    };
    buffer = createOutageBuffer({
      engine,
      maxBuffered: 10,
      aftermath: 60_000,
      passOn,
      report: listener,
    });
  });
  afterEach(async () => {
    const closed = buffer.close();
    stores.pending.forEach((settle) => settle("accepted"));
    await closed;
  });

  it("tells of an engine that comes up without its schema, and lets go of what waits", async () => {
    const [first, second] = [freshNotification(), freshNotification()];
    const outcome = accept(first);
    await stores.answer(0, refusal);
    expect([await outcome, await accept(second)]).toEqual(["accepted", "accepted"]);
    await stores.answer(1, missing);
    while (passOn.mock.calls.length < 2) await turn();
    expect(passOn.mock.calls.map(([entry]) => entry.message)).toEqual([first, second]);
    expect(errors.map(({ message }) => message).at(-1)).toBe("the schema is missing");
    await checks.answer(0, missing);
    expect(errors).toHaveLength(2);
  });

  it("keeps one of two simultaneous deliveries that both failed", async () => {
    const message = freshNotification();
    const outcomes = Promise.all([accept(message), accept(message)]);
    await stores.answer(0, refusal);
    await stores.answer(1, refusal);
    expect(await outcomes).toEqual(["accepted", "duplicate"]);
    await checks.answer(0, "accepted");
    await stores.answer(2, "accepted");
    expect(stores.pending).toHaveLength(3);
  });

  it("stores what failed late, when the outage that it belongs to is over", async () => {
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

  it("waits again when it is refused what it has kept", async () => {
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

  it("takes a suspicion that a notification was quicker to confirm for the same outage", async () => {
    buffer.suspect(refusal);
    const outcome = accept();
    await stores.answer(0, refusal);
    await outcome;
    await checks.answer(0, refusal);
    expect(errors).toHaveLength(1);
  });

  it("tells of no trouble that an outage leaves behind", async () => {
    buffer.suspect(refusal);
    await checks.answer(0, refusal);
    await checks.answer(1, "accepted");
    buffer.suspect(new Error("a lock was lost"));
    await checks.answer(2, "accepted");
    expect(errors).toEqual([expect.objectContaining({ code: "ERR_INBOX", message: OUTAGE })]);
  });

  it("passes on what is refused when it is closed", async () => {
    const message = freshNotification();
    const outcome = accept(message);
    await buffer.close();
    await stores.answer(0, refusal);
    expect(await outcome).toBe("accepted");
    expect(passOn).toHaveBeenCalledTimes(1);
    expect(passOn).toHaveBeenCalledWith(expect.objectContaining({ message }), undefined);
  });

  it("asks nothing more once it is closed", async () => {
    await buffer.close();
    buffer.suspect(refusal);
    expect(checks.pending).toHaveLength(0);
  });
});

const OUTAGE =
  "the inbox's engine does not store; notifications wait in this process until it does again";
