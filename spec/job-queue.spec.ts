import { createJobQueue } from "../lib/bullmq/job-queue.js";
import { createStoredForm } from "../lib/inbox/durable/stored-notification.js";
import { idleConnection, idleQueue } from "./support/bullmq-doubles.js";
import { freshDelivery, freshNotification } from "./support/inbox-contract.js";

describe("createJobQueue", () => {
  function create() {
    const opened: ReturnType<typeof idleQueue>[] = [];
    const onTrouble = jest.fn();
    const prune = jest.fn().mockResolvedValue(undefined);
    const jobs = createJobQueue(
      () => {
        const queue = idleQueue();
        opened.push(queue);
        return { queue, connection: idleConnection(), prune, discard: jest.fn() };
      },
      { attempts: 1, dedupeTtl: 1, form: createStoredForm() },
      { onTrouble, probeDelay: 0 },
    );
    return { opened, onTrouble, prune, ...jobs };
  }

  it("reports trouble with its connection, but not with one that it has replaced", async () => {
    const { opened, onTrouble, reconnect, close } = create();
    reconnect();
    opened[0]?.emit("error", new Error("replaced"));
    expect(onTrouble).not.toHaveBeenCalled();
    opened[1]?.emit("error", new Error("current"));
    expect(onTrouble).toHaveBeenCalledTimes(1);
    await close(false);
    opened[1]?.emit("error", new Error("closed"));
    expect(onTrouble).toHaveBeenCalledTimes(1);
  });

  const lost = new Error("the connection is gone");
  const forbidden = Object.assign(new Error("NOPERM no"), { name: "ReplyError" });
  const readOnly = Object.assign(new Error("READONLY no"), { name: "ReplyError" });

  /** Stores a job again after errors, when only its reference is left in the engine. */
  async function addAfter(errors: Error[], owner?: string) {
    const { opened, prepare, store, close } = create();
    const queue = opened[0]!;
    const job = prepare(freshNotification(), freshDelivery());
    queue.add.mockResolvedValue({ id: job.jobId });
    queue.getJobState.mockResolvedValue("unknown");
    queue.getDeduplicationJobId.mockResolvedValue(owner ?? job.jobId);
    for (const error of errors) {
      queue.add.mockRejectedValueOnce(error);
      await expect(store(job)).rejects.toBe(error);
    }
    expect(await store(job)).toBe("accepted");
    await close(false);
    return queue;
  }

  it.each([
    ["the answer was lost", [lost]],
    ["the engine took no writes", [readOnly]],
    ["the answer was lost, and the next one was a refusal", [lost, forbidden]],
  ])("keeps the reference of a job that may have been handed over when %s", async (_, errors) => {
    expect((await addAfter(errors)).removeDeduplicationKey).not.toHaveBeenCalled();
  });

  it.each([
    ["it was refused", [forbidden]],
    ["it was refused, and the next answer was lost", [forbidden, lost]],
  ])("removes the reference of a job that was not stored when %s", async (_, errors) => {
    expect((await addAfter(errors)).removeDeduplicationKey).toHaveBeenCalledTimes(1);
  });

  it("keeps a reference that belongs to another job", async () => {
    const queue = await addAfter([forbidden], "another job");
    expect(queue.removeDeduplicationKey).not.toHaveBeenCalled();
  });

  it("stores a new job without asking the engine for its state", async () => {
    const { opened, prepare, store, close } = create();
    const queue = opened[0]!;
    const job = prepare(freshNotification(), freshDelivery());
    queue.add.mockResolvedValue({ id: job.jobId });
    expect(await store(job)).toBe("accepted");
    expect(queue.getJobState).not.toHaveBeenCalled();
    await close(false);
  });

  it("deletes expired dead letters and references every hour", async () => {
    jest.useFakeTimers();
    const { opened, prune, close } = create();
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(opened[0]?.clean).toHaveBeenCalledTimes(2);
    expect(prune).toHaveBeenCalledTimes(2);
    jest.useRealTimers();
    await close(false);
  });
});
