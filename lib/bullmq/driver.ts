import type { BackendFactory, IQueueBackend } from "bullmq";

/** Delay, in ms, before a Redis client reconnects, or a worker repeats a call that failed. */
export const RETRY_INTERVAL = 1_000;

/** A queue or a worker, on its own connection. */
export interface Opened<T> {
  readonly made: T;
  /** Ends the connection, whatever state it is in. Leaves a user's own connection open. */
  readonly destroy: () => void;
  /** Lets the process exit in spite of the connection. Undefined for a user's own connection. */
  readonly unref?: () => void;
  /** Calls back if the connection ends for good without having been destroyed. */
  readonly onEnd: (listener: () => void) => void;
}

/** What differs between Redis and PostgreSQL. */
export interface Driver<Backend extends IQueueBackend, Connection> {
  readonly backend: BackendFactory<Backend, Connection>;
  /** Whether the inbox may replace and close its connections. The user's own stay as they are. */
  readonly ownsConnections: boolean;
  /** Names the server and the database on it, to recognise a queue that is used twice. */
  readonly place: string;
  readonly open: <T extends { getBackend(): Backend }>(
    make: (connection: Connection) => T,
  ) => Opened<T>;
  /**
   * Delay of the job that probes the engine, in ms, to keep workers from taking it. On PostgreSQL,
   * BullMQ would remove the job even while a worker has it, and that worker would report an error.
   * On Redis it leaves such a job to the worker.
   */
  readonly probeDelay: number;
  /** Deletes the references that have expired, unless the engine itself does so. */
  readonly prune: (backend: Backend, queueName: string) => Promise<unknown>;
  /** Deletes a failed job. False if none has that id, because another call was faster. */
  readonly discard: (backend: Backend, queueName: string, jobId: string) => Promise<boolean>;
  /** Describes a cause that no restart of the engine cures. */
  readonly describeMisconfiguration: (cause: unknown) => string | undefined;
  /** Whether the engine refuses one notification for its content. */
  readonly isUnstorable: (cause: unknown) => boolean;
  /** Describes a cause that an operator can cure. */
  readonly describeCause: (cause: unknown) => string | undefined;
}
