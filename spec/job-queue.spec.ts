import { EventEmitter } from "node:events";

import { createJobQueue } from "../lib/bullmq/job-queue.js";

/** BullMQ's queue as far as it is needed, on an engine that answers at once. */
function idleQueue() {
  return Object.assign(new EventEmitter(), {
    add: () => Promise.resolve({ id: "" }),
    removeDeduplicationKey: () => Promise.resolve(),
    clean: jest.fn().mockResolvedValue([]),
    waitUntilReady: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
}

const connection = {
  backend: {
    disconnectBlocking: () => Promise.resolve(),
    close: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
  },
  isOurs: true,
  sever: () => {},
};

describe("createJobQueue", () => {
  function create() {
    const opened: ReturnType<typeof idleQueue>[] = [];
    const onTrouble = jest.fn();
    const prune = jest.fn().mockResolvedValue(undefined);
    const jobs = createJobQueue(
      () => {
        const queue = idleQueue();
        opened.push(queue);
        return { queue, connection, prune };
      },
      { attempts: 1, dedupeTtl: 1 },
      { onTrouble },
    );
    return { opened, onTrouble, prune, ...jobs };
  }

  it("tells of trouble with its connection, and of none with one that it has replaced", async () => {
    const { opened, onTrouble, reconnect, close } = create();
    reconnect();
    opened[0]?.emit("error", new Error("replaced"));
    expect(onTrouble).not.toHaveBeenCalled();
    opened[1]?.emit("error", new Error("current"));
    expect(onTrouble).toHaveBeenCalledTimes(1);
    await close(false);
    opened[1]?.emit("error", new Error("ended"));
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
