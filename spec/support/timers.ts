/**
 * For `jest.mock("node:timers", …)`. The package takes Node's own timers when it is loaded; with
 * this, it gets the ones that a spec fakes.
 */
export function followGlobalTimers() {
  return {
    setTimeout: (callback: () => void, delay: number) => setTimeout(callback, delay),
    clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
    setImmediate,
    clearImmediate,
  };
}

/** Fakes the timers that make deadlines, and lets everything else run. */
export function fakeDeadlines(): void {
  jest.useFakeTimers({
    doNotFake: ["nextTick", "queueMicrotask", "setImmediate", "clearImmediate", "Date"],
  });
}

/** Waits until `count` deadlines are running. */
export async function deadlines(count = 1): Promise<void> {
  while (jest.getTimerCount() < count) await turn();
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
