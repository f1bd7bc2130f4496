import { createJobQueue } from "../lib/bullmq/job-queue.js";
import { createStoredForm } from "../lib/inbox/durable/stored-notification.js";
import { idleConnection, idleQueue } from "./support/bullmq-doubles.js";

describe("createJobQueue", () => {
  function create() {
    const opened: ReturnType<typeof idleQueue>[] = [];
    const onTrouble = jest.fn();
    const prune = jest.fn().mockResolvedValue(undefined);
    const jobs = createJobQueue(
      () => {
        const queue = idleQueue();
        opened.push(queue);
        return { queue, connection: idleConnection(), prune };
      },
      { attempts: 1, dedupeTtl: 1, form: createStoredForm() },
      { onTrouble },
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

  it("deletes every hour what has expired", async () => {
    jest.useFakeTimers();
    const { opened, prune, close } = create();
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(opened[0]?.clean).toHaveBeenCalledTimes(2);
    expect(prune).toHaveBeenCalledTimes(2);
    jest.useRealTimers();
    await close(false);
  });
});
