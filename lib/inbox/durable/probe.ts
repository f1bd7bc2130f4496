import { clearTimeout, DeadlineError, setTimeout, within } from "../../clock.js";

/** How long an engine has to answer, in ms. TeleSign must always get its 200 within 2 s. */
export const ENGINE_DEADLINE = 1_000;
/** Delay between two calls to an engine that is down, in ms. */
const INTERVAL = 500;

/** What a {@link Probe} needs. */
export interface ProbeOptions {
  /** Asks the engine for something that it can do only when it is back. */
  readonly ask: () => Promise<unknown>;
  readonly ownsConnections: boolean;
  readonly reconnect: () => void;
}

/** Keeps asking an engine that is down until it answers. */
export interface Probe {
  /** Resolves when the engine has answered, or the probe is stopped. */
  run(onFailure: (cause: unknown) => void): Promise<void>;
  stop(): void;
}

export function createProbe({ ask, ownsConnections, reconnect }: ProbeOptions): Probe {
  let question: Promise<unknown> | undefined;
  let isStopped = false;
  let wake = () => {};

  async function run(onFailure: (cause: unknown) => void) {
    while (!isStopped && !(await hasAnswered(onFailure))) {
      if (!isStopped) await interval();
    }
  }

  async function hasAnswered(onFailure: (cause: unknown) => void): Promise<boolean> {
    question ??= ask();
    try {
      await within(ENGINE_DEADLINE, question);
      question = undefined;
      return true;
    } catch (cause) {
      // If the connection cannot be replaced, wait for a call that hangs instead of making another.
      if (ownsConnections || !(cause instanceof DeadlineError)) {
        question = undefined;
        if (!isStopped) reconnect();
      }
      onFailure(cause);
      return false;
    }
  }

  function interval() {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, INTERVAL);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function stop() {
    isStopped = true;
    wake();
  }

  return { run, stop };
}
