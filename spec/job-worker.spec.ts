import { EventEmitter } from "node:events";

import { createJobWorker } from "../lib/job-worker.js";

/** BullMQ's worker as far as it is needed, on an engine that answers at once. */
function idleWorker() {
  return Object.assign(new EventEmitter(), {
    waitUntilReady: jest.fn().mockResolvedValue(undefined),
    pause: jest.fn().mockResolvedValue(undefined),
    resume: jest.fn().mockResolvedValue(undefined),
    close: jest.fn().mockResolvedValue(undefined),
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

describe("createJobWorker, once it is stopped", () => {
  function create() {
    const worker = idleWorker();
    const onTrouble = jest.fn();
    const jobs = createJobWorker(
      () => ({ worker, connection }),
      { attempts: 1 },
      () => Promise.resolve(),
      { onTrouble, report: () => {} },
    );
    return { worker, onTrouble, ...jobs };
  }

  it("hands nothing over any more, though its engine comes back", async () => {
    const { worker, rest, revive, stop } = create();
    rest();
    const stopped = stop(() => false);
    revive();
    await stopped;
    expect(worker.resume).not.toHaveBeenCalled();
  });

  it("tells of no trouble with the connections that it ends", async () => {
    const { worker, onTrouble, stop } = create();
    await stop(() => false);
    worker.emit("error", new Error("ended"));
    expect(onTrouble).not.toHaveBeenCalled();
  });
});
