import { EventEmitter } from "node:events";

/** The parts of BullMQ's worker that the inbox uses, on an engine that answers at once. */
export function idleWorker() {
  return Object.assign(new EventEmitter(), {
    waitUntilReady: jest.fn().mockResolvedValue(undefined),
    pause: jest.fn().mockResolvedValue(undefined),
    resume: jest.fn().mockResolvedValue(undefined),
    close: jest.fn().mockResolvedValue(undefined),
  });
}

/** The parts of BullMQ's queue that the inbox uses, on an engine that answers at once. */
export function idleQueue() {
  return Object.assign(new EventEmitter(), {
    add: jest.fn().mockResolvedValue({ id: "" }),
    getJobState: jest.fn().mockResolvedValue("waiting"),
    getJob: jest.fn().mockResolvedValue(undefined),
    remove: jest.fn().mockResolvedValue(1),
    getDeduplicationJobId: jest.fn().mockResolvedValue(null),
    removeDeduplicationKey: jest.fn().mockResolvedValue(1),
    clean: jest.fn().mockResolvedValue([]),
    getJobs: jest.fn().mockResolvedValue([]),
    waitUntilReady: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
}

/** A connection that closes at once. `end` ends it as if it had given up. */
export function idleConnection() {
  const listeners: (() => void)[] = [];
  return {
    backend: {
      disconnectBlocking: () => Promise.resolve(),
      close: () => Promise.resolve(),
      disconnect: () => Promise.resolve(),
    },
    ownsConnections: true,
    destroy: () => {},
    onEnd: (listener: () => void) => void listeners.push(listener),
    end: () => listeners.forEach((listener) => listener()),
  };
}
