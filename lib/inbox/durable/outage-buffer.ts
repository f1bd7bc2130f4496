import { within } from "../../clock.js";
import { inboxError } from "../../errors.js";
import type { Delivery } from "../../receive/delivery.js";
import type { MessageNotification } from "../../receive/notification.js";
import type { Outcome } from "../inbox.js";
import { referenceKey } from "../reference-key.js";
import type { Engine } from "./engine.js";
import { causeOf, createOutage, isDown } from "./outage.js";
import { ENGINE_DEADLINE } from "./probe.js";
import { createSuspicion, untilReady } from "./readiness.js";
import { createTroubleReports } from "./trouble-reports.js";
import { createWaitingRoom, type Storable, type WaitingRoom } from "./waiting-room.js";

/** How long `close` tries to store what still waits, in ms. */
const CLOSE_DEADLINE = 3_000;
/** How many waiting notifications are stored at a time. New ones are stored in between. */
const BATCH = 10;

/** How an outage buffer is made. */
export interface OutageBufferOptions<Stored extends Storable> {
  readonly engine: Engine<Stored>;
  /** How many notifications may wait. */
  readonly maxBuffered: number;
  /** Time after an outage, in ms, in which errors of an engine that is up count as part of it. */
  readonly aftermath: number;
  /** Takes a notification that can neither be stored nor wait. */
  readonly passOn: (stored: Stored, cause: unknown) => void;
  readonly report: (error: Error) => void;
}

/** Stores notifications in an engine. While the engine is down they wait in memory. */
export interface OutageBuffer {
  readonly accept: (message: MessageNotification, delivery: Delivery) => Promise<Outcome>;
  /** Takes an error that was seen elsewhere, and checks whether the engine is down. */
  readonly suspect: (cause: unknown) => void;
  readonly isDown: () => boolean;
  /** How many notifications wait to be stored. */
  readonly waiting: () => number;
  /** Resolves once the engine has completed a write. Rejects with the reason if it cannot. */
  readonly ready: () => Promise<void>;
  /** Stores what waits, or passes it on. Always resolves within a few seconds. */
  readonly close: () => Promise<void>;
}

/** Makes the buffer in front of an engine. It reports an outage once, however many calls fail. */
export function createOutageBuffer<Stored extends Storable>(
  options: OutageBufferOptions<Stored>,
): OutageBuffer {
  const { engine } = options;
  const { room, reports, outage } = createParts(options, () => void catchUp());
  let isCatchingUp = false;

  async function store(stored: Stored): Promise<Outcome> {
    if (outage.state().name !== "storing") return keepOrPassOn(stored);
    const before = outage.count();
    try {
      return await within(ENGINE_DEADLINE, engine.store(stored));
    } catch (cause) {
      if (engine.isUnstorable?.(cause)) throw cause;
      // Notifications that fail together belong to one outage, which may be over by now.
      if (outage.count() === before) outage.begin(cause);
      return keepOrPassOn(stored);
    }
  }

  function keepOrPassOn(stored: Stored): Outcome {
    if (room.knows(stored.reference)) return "duplicate";
    const state = outage.state();
    const mayWait = state.name === "storing" || state.name === "waiting";
    if (mayWait) room.add(stored, causeOf(state));
    else room.passOn(stored, causeOf(state));
    void catchUp();
    return "accepted";
  }

  async function catchUp() {
    if (isCatchingUp) return;
    isCatchingUp = true;
    try {
      // Nothing may be awaited between the last check and `finally`, or an addition may be missed.
      while (room.size() > 0 && outage.state().name === "storing") await storeBatch();
    } catch (cause) {
      outage.begin(cause);
    } finally {
      isCatchingUp = false;
    }
  }

  const storeBatch = () => within(ENGINE_DEADLINE, room.storeOldest(BATCH));

  async function storeAll() {
    while (room.size() > 0) await storeBatch();
  }

  async function close() {
    outage.close();
    await within(CLOSE_DEADLINE, storeAll()).catch(() => {});
    const cause = causeOf(outage.state());
    if (room.size() > 0) options.report(inboxError(unstored(room.size()), cause));
    room.passOnAll(cause);
  }

  return {
    accept: createAccept(engine, room, store),
    suspect: createSuspicion(engine, outage, reports),
    isDown: () => isDown(outage.state()),
    waiting: room.size,
    ready: () => untilReady(engine, outage),
    close,
  };
}

/** Makes the function that prepares notifications and stores them. */
function createAccept<Stored extends Storable>(
  engine: Engine<Stored>,
  room: WaitingRoom<Stored>,
  store: (stored: Stored) => Promise<Outcome>,
): OutageBuffer["accept"] {
  return async function accept(message, delivery) {
    const reference = referenceKey(message.mo_reference_id);
    if (room.knows(reference)) return "duplicate";
    try {
      return await store(engine.prepare(message, delivery));
    } catch (error) {
      // The caller hands over a notification that cannot be stored. Its retry is then a duplicate.
      room.remember(reference);
      throw error;
    }
  };
}

/** Makes the parts of a buffer. `onEnd` is called when an outage is over. */
function createParts<Stored extends Storable>(
  { engine, maxBuffered, aftermath, passOn, report }: OutageBufferOptions<Stored>,
  onEnd: () => void,
) {
  const room = createWaitingRoom<Stored>({
    max: maxBuffered,
    store: (stored) => engine.store(stored),
    isUnstorable: (cause) => engine.isUnstorable?.(cause) === true,
    passOn,
  });
  const reports = createTroubleReports({
    report,
    aftermath,
    describeCause: (cause) => engine.describeCause?.(cause),
  });
  const outage = createOutage({
    engine,
    reports,
    // Storing the oldest notification proves more than a check.
    ask: () => (room.size() > 0 ? room.storeOldest(1) : engine.check()),
    onUnusable: (cause) => room.passOnAll(cause),
    onEnd,
  });
  return { room, reports, outage };
}

function unstored(count: number): string {
  return `close() could not store ${count} notifications; each goes to this process's listeners, or into an error`;
}
