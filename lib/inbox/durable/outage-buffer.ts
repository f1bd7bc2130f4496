import { LRUCache } from "lru-cache";

import { DeadlineError, within } from "../../clock.js";
import type { Delivery } from "../../receive/delivery.js";
import { inboxError } from "../../errors.js";
import type { Outcome } from "../inbox.js";
import type { MessageNotification } from "../../receive/notification.js";

/** How long, in ms, the engine gets to answer. TeleSign must have its 200 within 2 s whatever comes. */
const ANSWER_DEADLINE = 1_000;
/** How long, in ms, after one vain question to an engine that is down until the next. */
const PROBE_INTERVAL = 500;
/** How soon, in ms, after an outage the next is the same one: an engine that comes back falters at first. */
const RELAPSE = 5_000;
/** How long, in ms, `close` tries to store what still waits. */
const CLOSE_DEADLINE = 3_000;
/** How many notifications are stored at a time once the engine is back; those that arrive go between. */
const BATCH = 10;
/** How many references are remembered of notifications that left without being stored, for 10 minutes. */
const REMEMBERED = { max: 10_000, ttl: 600_000 };

/** One notification on its way into the engine. */
export interface Entry<Stored> {
  readonly message: MessageNotification;
  readonly delivery: Delivery;
  /** What the engine is given, each time the same: asked twice it stores it once. */
  readonly stored: Stored;
}

/** What the buffer needs of an engine. Every promise may stay pending, or reject. */
export interface Engine<Stored> {
  /** @throws RangeError if the notification cannot be stored by any engine */
  prepare(message: MessageNotification, delivery: Delivery): Stored;
  store(stored: Stored): Promise<Outcome>;
  /** Resolves if the engine could store something now. */
  check(): Promise<void>;
  /** Whether connections are ours to replace; the user's own are not. */
  readonly ownsConnections: boolean;
  /** Replaces the connection that hangs or was refused. */
  reconnect(): void;
  /** Called when an outage begins. */
  onOutage(): void;
  /** Called when the engine is known to answer, after it was in doubt. */
  onAnswer(): void;
  /** What no restart of the engine cures, such as a schema that nobody made; else undefined. */
  describeMisconfiguration(error: unknown): string | undefined;
}

/** How an outage buffer is made. */
export interface OutageBufferOptions<Stored> {
  readonly engine: Engine<Stored>;
  /** How many notifications may wait. */
  readonly maxBuffered: number;
  /** For how long after an outage, in ms, what its connections and locks report still belongs to it. */
  readonly aftermath: number;
  /** Takes a notification that cannot wait, or not any more. */
  readonly passOn: (entry: Entry<Stored>, cause: unknown) => void;
  readonly report: (error: Error) => void;
}

/** The way into an engine that may be down: then notifications wait here, in memory. */
export interface OutageBuffer {
  readonly accept: (message: MessageNotification, delivery: Delivery) => Promise<Outcome>;
  /** Trouble was seen elsewhere: asks the engine whether it is down. */
  readonly suspect: (cause: unknown) => void;
  readonly isDown: () => boolean;
  /** Stores what waits, or passes it on. Resolves in a few seconds, come what may. */
  readonly close: () => Promise<void>;
}

/** Makes the buffer in front of an engine. An outage is one error, whatever it holds up. */
export function createOutageBuffer<Stored>({
  engine,
  maxBuffered,
  aftermath,
  passOn,
  report,
}: OutageBufferOptions<Stored>): OutageBuffer {
  const waiting = new Map<string, Entry<Stored>>();
  const passedOn = new LRUCache<string, true>(REMEMBERED);
  let outage: { cause: unknown } | undefined;
  let room = maxBuffered;
  let outages = 0;
  let lastEnd = -Infinity;
  let question: Promise<unknown> | undefined;
  let isChecking = false;
  let isDraining = false;
  let isClosed = false;
  let wake = () => {};

  async function accept(message: MessageNotification, delivery: Delivery): Promise<Outcome> {
    const entry = { message, delivery, stored: engine.prepare(message, delivery) };
    if (isKnown(entry)) return "duplicate";
    if (outage) return hold(entry);
    const before = outages;
    try {
      return await within(ANSWER_DEADLINE, engine.store(entry.stored));
    } catch (error) {
      // Of many that failed together, the first has begun the outage, and perhaps seen its end.
      if (outages === before) begin(error);
      return hold(entry);
    }
  }

  function isKnown({ message: { mo_reference_id } }: Entry<Stored>): boolean {
    return waiting.has(mo_reference_id) || passedOn.has(mo_reference_id);
  }

  function hold(entry: Entry<Stored>): Outcome {
    if (isKnown(entry)) return "duplicate";
    waiting.set(entry.message.mo_reference_id, entry);
    if (waiting.size > room) passOnOldest();
    if (!outage) void drain();
    return "accepted";
  }

  function passOnOldest() {
    for (const entry of waiting.values()) return letGo(entry);
  }

  function letGo(entry: Entry<Stored>) {
    const reference = entry.message.mo_reference_id;
    waiting.delete(reference);
    passedOn.set(reference, true);
    passOn(entry, outage?.cause);
  }

  function begin(cause: unknown) {
    if (outage || isClosed) return;
    const misconfiguration = engine.describeMisconfiguration(cause);
    outage = { cause };
    room = misconfiguration === undefined ? maxBuffered : 0;
    outages += 1;
    engine.onOutage();
    const isRelapse = Date.now() < lastEnd + RELAPSE;
    if (!isRelapse) report(inboxError(misconfiguration ?? OUTAGE, cause));
    void recover();
  }

  /** One question at a time, until there is an answer. */
  async function recover() {
    while (!(await isBack())) {
      if (isClosed) return;
      await interval();
    }
    outage = undefined;
    lastEnd = Date.now();
    engine.onAnswer();
    await drain();
  }

  async function isBack(): Promise<boolean> {
    const asked = (question ??= ask());
    try {
      await within(ANSWER_DEADLINE, asked);
      question = undefined;
      return true;
    } catch (error) {
      // On a connection of the user's own, a question that hangs is waited for, not asked again.
      if (engine.ownsConnections || !(error instanceof DeadlineError)) {
        question = undefined;
        if (!isClosed) engine.reconnect();
      }
      tellMisconfiguration(error);
      return false;
    }
  }

  /** An engine that was down may come up without its schema: then waiting would be in vain. */
  function tellMisconfiguration(cause: unknown) {
    const misconfiguration = engine.describeMisconfiguration(cause);
    if (misconfiguration === undefined || room === 0) return;
    outage = { cause };
    room = 0;
    report(inboxError(misconfiguration, cause));
    for (const entry of waiting.values()) letGo(entry);
  }

  /** The oldest that waits is the question: its answer is worth more than that of a mere check. */
  async function ask() {
    for (const entry of waiting.values()) return storeWaiting(entry);
    return engine.check();
  }

  async function storeWaiting(entry: Entry<Stored>) {
    await engine.store(entry.stored);
    waiting.delete(entry.message.mo_reference_id);
  }

  function interval() {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PROBE_INTERVAL);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function drain() {
    if (isDraining) return;
    isDraining = true;
    try {
      while (!outage && waiting.size > 0) await storeBatch();
    } catch (error) {
      begin(error);
    } finally {
      isDraining = false;
    }
  }

  async function storeBatch() {
    const batch = [...waiting.values()].slice(0, BATCH);
    await within(ANSWER_DEADLINE, Promise.all(batch.map(storeWaiting)));
  }

  function suspect(cause: unknown) {
    if (outage || isChecking || isClosed) return;
    isChecking = true;
    within(ANSWER_DEADLINE, engine.check())
      .then(
        () => seeOff(cause),
        () => begin(cause),
      )
      .finally(() => (isChecking = false));
  }

  function seeOff(cause: unknown) {
    engine.onAnswer();
    if (Date.now() > lastEnd + aftermath) report(inboxError(TROUBLE, cause));
  }

  async function close() {
    isClosed = true;
    wake();
    await within(CLOSE_DEADLINE, flush()).catch(() => {});
    if (waiting.size > 0) report(inboxError(unstored(waiting.size), outage?.cause));
    for (const entry of [...waiting.values()]) letGo(entry);
    // For what the engine is being asked to store just now.
    room = 0;
  }

  async function flush() {
    while (waiting.size > 0) await storeBatch();
  }

  return { accept, suspect, isDown: () => outage !== undefined, close };
}

const OUTAGE =
  "the inbox's engine does not store; notifications wait in this process until it does again";
const TROUBLE = "the inbox's engine reported trouble, and answers";

function unstored(count: number): string {
  return `close() could not store ${count} notifications; each goes to a listener of this process, or into an error`;
}
