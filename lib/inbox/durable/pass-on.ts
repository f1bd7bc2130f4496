import { inboxError, onUnheard } from "../../errors.js";
import type { HandOver } from "../inbox.js";
import type { ReadNotification, Unreadable } from "./stored-notification.js";

const NO_LISTENER =
  "a notification can neither be stored nor wait, and this process has no listener";

/** What {@link createPassOn} needs. */
export interface PassOnOptions<Stored> {
  readonly read: (stored: Stored) => ReadNotification | { readonly unreadable: Unreadable };
  /** The hand-over to this process's listeners; undefined while there is none. */
  readonly handOver: () => HandOver | undefined;
  readonly report: (error: Error) => void;
}

/**
 * Makes the function that passes on a notification that can neither be stored nor wait: once, to
 * the listeners of this process, or into an error that carries it.
 */
export function createPassOn<Stored>({ read, handOver, report }: PassOnOptions<Stored>) {
  return function passOn(stored: Stored, cause: unknown): void {
    const result = read(stored);
    const prepared = "message" in result ? result : undefined;
    const consumer = handOver();
    if (consumer && prepared) {
      consumer(prepared.message, prepared.delivery).catch(onUnheard(report));
    } else {
      report(inboxError(NO_LISTENER, cause, prepared?.message));
    }
  };
}
