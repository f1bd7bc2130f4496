import { LRUCache } from "lru-cache";

/** A notification in the form in which an engine stores it. */
export interface Storable {
  /** The key under which its reference is remembered. */
  readonly reference: string;
  /** Size of its text, in bytes. */
  readonly size: number;
}

/** Notifications that wait in memory until they can be stored. */
export interface WaitingRoom<Stored extends Storable> {
  /** Whether a notification waits, or was passed on recently. */
  knows(reference: string): boolean;
  /** Remembers a notification that was passed on without having waited. */
  remember(reference: string): void;
  /** Adds a notification, and passes the oldest ones on until the rest fit. */
  add(stored: Stored, cause: unknown): void;
  /** Passes a notification on instead of storing it. */
  passOn(stored: Stored, cause: unknown): void;
  passOnAll(cause: unknown): void;
  /** Stores the `count` oldest. */
  storeOldest(count: number): Promise<void>;
  readonly size: () => number;
}

/** How a {@link WaitingRoom} is made. */
export interface WaitingRoomOptions<Stored> {
  /** How many notifications may wait. */
  readonly max: number;
  readonly store: (stored: Stored) => Promise<unknown>;
  /** Whether `store` refused one notification for its content, so that waiting does not help. */
  readonly isUnstorable: (cause: unknown) => boolean;
  readonly passOn: (stored: Stored, cause: unknown) => void;
}

/** The most bytes of text that may wait. */
const MAX_BYTES = 64_000_000;
/** How many notifications that were passed on are remembered, and for how long, in ms. */
const REMEMBERED = { max: 10_000, ttl: 600_000 };

export function createWaitingRoom<Stored extends Storable>(
  options: WaitingRoomOptions<Stored>,
): WaitingRoom<Stored> {
  const waiting = new Map<string, Stored>();
  const passedOn = new LRUCache<string, true>(REMEMBERED);
  let bytes = 0;

  function add(stored: Stored, cause: unknown) {
    waiting.set(stored.reference, stored);
    bytes += stored.size;
    for (const oldest of waiting.values()) {
      if (waiting.size <= options.max && bytes <= MAX_BYTES) return;
      passOn(oldest, cause);
    }
  }

  function remove({ reference, size }: Stored) {
    if (waiting.delete(reference)) bytes -= size;
  }

  function passOn(stored: Stored, cause: unknown) {
    remove(stored);
    passedOn.set(stored.reference, true);
    options.passOn(stored, cause);
  }

  async function store(stored: Stored) {
    try {
      await options.store(stored);
      remove(stored);
    } catch (cause) {
      // A notification that cannot be stored must not hold up those that came after it.
      if (!options.isUnstorable(cause)) throw cause;
      passOn(stored, cause);
    }
  }

  async function storeOldest(count: number) {
    await Promise.all([...waiting.values()].slice(0, count).map(store));
  }

  return {
    knows: (reference) => waiting.has(reference) || passedOn.has(reference),
    remember: (reference) => void passedOn.set(reference, true),
    add,
    passOn,
    passOnAll: (cause) => [...waiting.values()].forEach((stored) => passOn(stored, cause)),
    storeOldest,
    size: () => waiting.size,
  };
}
