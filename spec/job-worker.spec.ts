import { createJobWorker } from "../lib/job-worker.js";

/** BullMQ's worker as far as it is needed, on an engine that answers at once. */
function idleWorker() {
  return {
    on: jest.fn(),
    waitUntilReady: jest.fn().mockResolvedValue(undefined),
    pause: jest.fn().mockResolvedValue(undefined),
    resume: jest.fn().mockResolvedValue(undefined),
    close: jest.fn().mockResolvedValue(undefined),
  };
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

describe("createJobWorker", () => {
  it("hands nothing over any more once it is stopped, though its engine comes back", async () => {
    const worker = idleWorker();
    const { rest, revive, stop } = createJobWorker(
      () => ({ worker, connection }),
      { attempts: 1 },
      () => Promise.resolve(),
      { onTrouble: () => {}, report: () => {} },
    );
    rest();
    const stopped = stop(() => false);
    revive();
    await stopped;
    expect(worker.resume).not.toHaveBeenCalled();
  });
});
