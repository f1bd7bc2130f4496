import type { MessageNotification } from "./notification.js";

// Taken at once: a consumer's fake timers, put in later, must not stop messages.
const nextTick = process.nextTick.bind(process);

/** The answers under way, so that nobody's function runs before the notification's own answer is out. */
export interface Answers {
  /** Notes that an answer to a notification is being made; the result is to be called when it is out. */
  begin(message: MessageNotification): () => void;
  /** Resolves when every answer to this notification that is being made is out; undefined if none is. */
  pending(message: MessageNotification): Promise<void> | undefined;
}

export function createAnswers(): Answers {
  const underWay = new Map<string, Promise<void>>();

  function begin({ mo_reference_id }: MessageNotification) {
    let end = () => {};
    const own = new Promise<void>((resolve) => (end = resolve));
    // A retry may come in while the first delivery is being answered.
    const earlier = underWay.get(mo_reference_id);
    const all = earlier ? Promise.all([earlier, own]).then(() => {}) : own;
    underWay.set(mo_reference_id, all);
    void all.then(() => {
      if (underWay.get(mo_reference_id) === all) underWay.delete(mo_reference_id);
    });
    // What was read from the sockets in one turn is answered in one go of microtasks: after those.
    return () => nextTick(end);
  }

  return { begin, pending: ({ mo_reference_id }) => underWay.get(mo_reference_id) };
}
