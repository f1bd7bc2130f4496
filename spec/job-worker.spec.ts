import { setImmediate } from "node:timers/promises";

import type { HandOver, TelesignCallbackError } from "telesign-callback";

import type { Job, Processor } from "../lib/bullmq/job-processor.js";
import { createJobWorker } from "../lib/bullmq/job-worker.js";
import { unheardError } from "../lib/errors.js";
import { createStoredForm } from "../lib/inbox/durable/stored-notification.js";
import { idleConnection, idleWorker } from "./support/bullmq-doubles.js";
import { freshDelivery, freshNotification } from "./support/inbox-contract.js";

const form = createStoredForm();
const message = freshNotification();
const stored = form.write(message, freshDelivery());

/** JSON of a notification's reference, with other properties. */
function reference(others: object): string {
  return JSON.stringify({ ...others, mo_reference_id: message.mo_reference_id });
}

function create(handOver: HandOver = () => Promise.resolve()) {
  const opened: ReturnType<typeof openIdle>[] = [];
  const onTrouble = jest.fn();
  const report = jest.fn<void, [Error]>();
  const options = { attempts: 2, form, handOver, onTrouble, report };
  const open = jest.fn((_process: Processor) => {
    const next = openIdle();
    opened.push(next);
    return next;
  });
  const jobs = createJobWorker(open, options);
  return { opened, process: open.mock.calls[0]![0], onTrouble, report, ...jobs };
}

function openIdle() {
  return { worker: idleWorker(), connection: idleConnection() };
}

/** Processes a job as BullMQ would, and returns what becomes of it. */
async function run(handOver: HandOver, overrides: Partial<Job> = {}) {
  const { process, opened, report } = create(handOver);
  const moveToDelayed = jest.fn().mockResolvedValue(undefined);
  const counts = { name: "notification", attemptsMade: 0, stalledCounter: 0, progress: 0 };
  const job: Job = { data: stored, ...counts, moveToDelayed, ...overrides };
  const error: unknown = await process(job, "token").catch((cause: unknown) => cause);
  const failed = { ...job, finishedOn: 1 };
  opened[0]!.worker.emit("failed", failed, error);
  const [[reported] = []] = report.mock.calls as [TelesignCallbackError][];
  return { error, moveToDelayed, reported };
}

describe("createJobWorker, once it is stopped", () => {
  it("hands nothing over even if its engine comes back", async () => {
    const { opened, rest, revive, stop } = create();
    rest();
    const stopped = stop(() => false);
    revive();
    await stopped;
    expect(opened[0]!.worker.resume).not.toHaveBeenCalled();
  });

  it("reports no trouble with the connections that it closes", async () => {
    const { opened, onTrouble, stop } = create();
    await stop(() => false);
    opened[0]!.worker.emit("error", new Error("closed"));
    expect(onTrouble).not.toHaveBeenCalled();
  });

  it("waits for the hand-over under way", async () => {
    let finish = () => {};
    const { process, stop } = create(() => new Promise((resolve) => (finish = resolve)));
    const counts = { name: "notification", attemptsMade: 0, stalledCounter: 0, progress: 0 };
    const work = process({ data: stored, ...counts, moveToDelayed: () => Promise.resolve() });
    const onStopped = jest.fn();
    const stopped = stop(() => true).then(onStopped);
    await setImmediate();
    expect(onStopped).not.toHaveBeenCalled();
    finish();
    await Promise.all([work, stopped]);
  });

  it("leaves a job that it was given too late to another worker", async () => {
    const handOver = jest.fn();
    const { process, stop } = create(handOver);
    await stop(() => false);
    const moveToDelayed = jest.fn().mockResolvedValue(undefined);
    const counts = { name: "notification", attemptsMade: 0, stalledCounter: 0, progress: 0 };
    const work = process({ data: stored, ...counts, moveToDelayed });
    await expect(work).rejects.toMatchObject({ name: "DelayedError" });
    expect(handOver).not.toHaveBeenCalled();
  });
});

describe("createJobWorker, when its connection ends for good", () => {
  it("reports trouble, and opens another worker when the engine answers", async () => {
    const { opened, onTrouble, revive, stop } = create();
    await setImmediate();
    opened[0]!.connection.end();
    expect(onTrouble).toHaveBeenCalledTimes(1);
    revive();
    await setImmediate();
    expect(opened).toHaveLength(2);
    expect(opened[1]!.worker.resume).toHaveBeenCalledTimes(1);
    await stop(() => false);
  });
});

describe("createJobWorker, given a job", () => {
  it("counts no attempt if nobody listens, and leaves the job to another worker", async () => {
    const { error, moveToDelayed } = await run((message) => Promise.reject(unheardError(message)));
    expect(error).toMatchObject({ name: "DelayedError" });
    expect(moveToDelayed).toHaveBeenCalledWith(expect.any(Number), "token");
  });

  it("keeps the name of a listener's error if nothing else is readable", async () => {
    const hostile = Object.defineProperty(new Error("15551234"), "code", {
      get() {
        throw new Error("15551234");
      },
    });
    const { error } = await run(() => Promise.reject(hostile), { attemptsMade: 1 });
    expect(error).toMatchObject({
      name: "UnrecoverableError",
      message: "a listener failed: Error",
    });
  });

  it("does not hand over a job that only probes the engine", async () => {
    const handOver = jest.fn();
    const { error } = await run(handOver, { name: "check", data: {} });
    expect(error).toBeUndefined();
    expect(handOver).not.toHaveBeenCalled();
  });

  it("leaves a job of a newer release to that release", async () => {
    const handOver = jest.fn();
    const { error } = await run(handOver, { data: { v: 3 } });
    expect(error).toMatchObject({ name: "DelayedError" });
    expect(handOver).not.toHaveBeenCalled();
  });

  const otherKey = createStoredForm(Buffer.alloc(32));
  it.each<[string, unknown, string]>([
    ["another program's", { to: "somebody" }, "damaged"],
    ["nothing at all", null, "damaged"],
    ["half of a notification", { ...stored, notification: '{"mo_ref' }, "damaged"],
    ["a notification without its texts", { ...stored, notification: reference({}) }, "damaged"],
    [
      "a notification with a number",
      { ...stored, notification: reference({ ...message, mo_message: 1 }) },
      "damaged",
    ],
    ["a notification with an unreadable time", { ...stored, receivedAt: "today" }, "damaged"],
    ["a list", [stored], "damaged"],
    [
      "encrypted with an unknown key",
      otherKey.write(freshNotification(), freshDelivery()),
      "no encryptionKey opens",
    ],
  ])("turns data that is %s into a dead letter", async (_, data, text) => {
    const handOver = jest.fn();
    const { error, reported } = await run(handOver, { data });
    expect(handOver).not.toHaveBeenCalled();
    expect(error).toMatchObject({ name: "UnrecoverableError" });
    expect(reported).toMatchObject({ code: "ERR_DEAD_LETTER", notification: undefined });
    expect(reported?.message).toContain(text);
  });

  it("names the reference of an unreadable job, but no id that could be a phone number", async () => {
    const { mo_reference_id: known } = message;
    const { reported } = await run(jest.fn(), { data: null, deduplicationId: known });
    expect(reported?.message).toContain(known);
    const { reported: foreign } = await run(jest.fn(), { data: null, id: "15551234567" });
    expect(foreign?.message).not.toMatch(/\d{7}/);
  });

  it("counts the attempts of a redriven job from 1, whatever crashed before it was redriven", async () => {
    const handOver = jest.fn().mockResolvedValue(undefined);
    await run(handOver, { stalledCounter: 2, progress: { stalledBefore: 2 } });
    expect(handOver).toHaveBeenCalledWith(
      expect.anything(),
      expect.objectContaining({ attempt: 1 }),
    );
  });
});
