import { EventEmitter } from "node:events";

import type { Job } from "bullmq";
import type { HandOver } from "telesign-callback";

import { unheardError } from "../lib/errors.js";
import { createJobWorker } from "../lib/bullmq/job-worker.js";
import { createStoredForm } from "../lib/inbox/durable/stored-notification.js";
import { freshDelivery, freshNotification } from "./support/inbox-contract.js";

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

describe("createJobWorker, for a job", () => {
  /** What BullMQ would run for a job that holds a notification. */
  async function run(handOver: HandOver) {
    const worker = idleWorker();
    const open = jest.fn((_process: (job: Job, token?: string) => Promise<void>) => ({
      worker,
      connection,
    }));
    createJobWorker(open, { attempts: 1 }, handOver, { onTrouble: () => {}, report: () => {} });
    const process = open.mock.calls[0]![0];
    const data = createStoredForm().write(freshNotification(), freshDelivery());
    const moveToDelayed = jest.fn().mockResolvedValue(undefined);
    const job = { data, attemptsMade: 0, stalledCounter: 0, moveToDelayed } as unknown as Job;
    const error: unknown = await process(job, "token").catch((cause: unknown) => cause);
    return { error, moveToDelayed };
  }

  it("counts no attempt that no listener has seen, and leaves it to whoever listens", async () => {
    const { error, moveToDelayed } = await run((message) => Promise.reject(unheardError(message)));
    expect(error).toMatchObject({ name: "DelayedError" });
    expect(moveToDelayed).toHaveBeenCalledWith(expect.any(Number), "token");
  });

  it("keeps of a listener's error what can be looked at, and no more", async () => {
    const hostile = Object.defineProperty(new Error("15551234"), "code", {
      get() {
        throw new Error("15551234");
      },
    });
    const { error } = await run(() => Promise.reject(hostile));
    expect(error).toMatchObject({
      name: "UnrecoverableError",
      message: "a listener failed: Error",
    });
  });
});
