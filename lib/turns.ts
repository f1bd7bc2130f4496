import { setImmediate } from "node:timers";

/**
 * Makes a function whose result resolves once the event loop has read from every socket what was
 * there, for all that asked in this turn. What they do next is then done in one go, by code that is
 * still in the processor's caches. Reading and answering by turns makes it cold each time.
 */
export function createTurns(): () => Promise<void> {
  let turn: Promise<void> | undefined;

  return function nextTurn() {
    turn ??= new Promise((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    });
    return turn;
  };
}
