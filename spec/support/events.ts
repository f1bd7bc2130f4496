import type { CallbackEvents, TelesignCallback } from "telesign-callback";

/** The arguments of the next event. */
export function next<Event extends keyof CallbackEvents>(
  callback: TelesignCallback,
  event: Event,
): Promise<CallbackEvents[Event]> {
  return new Promise((resolve) => {
    const unsubscribe = callback.on(event, (...args) => {
      unsubscribe();
      resolve(args);
    });
  });
}
