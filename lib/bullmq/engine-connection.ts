import { within } from "../clock.js";

/** Time that an engine has to close a connection in an orderly way, in ms. */
const CLOSE_DEADLINE = 2_000;

/** The connection of one queue or worker. */
export interface EngineConnection {
  readonly backend: {
    disconnectBlocking(wait?: boolean): Promise<void>;
    close(force?: boolean): Promise<void>;
    disconnect(): Promise<void>;
  };
  /** Whether it may be closed. The user's own clients and pools stay open. */
  readonly ownsConnections: boolean;
  /** Ends what the backend cannot end: sockets that hang, and listeners on a user's pool. */
  readonly destroy: () => void;
  /** Lets the process exit in spite of the connection. Undefined for a user's own connection. */
  readonly unref?: () => void;
  readonly onEnd: (listener: () => void) => void;
}

/** Waits a while for a connection to close. False if it did not. */
export async function hasClosed(closing: Promise<unknown>): Promise<boolean> {
  return within(CLOSE_DEADLINE, closing).then(
    () => true,
    () => false,
  );
}

/** Ends a connection that may hang, or that was never established. */
export async function endConnection({
  backend,
  ownsConnections,
  destroy,
}: EngineConnection): Promise<void> {
  destroy();
  // Commands on a connection that was never established stay pending, or reject.
  backend.disconnectBlocking(false).catch(() => {});
  const closing = backend.close(true);
  // On Redis this ends the client, whoever owns it.
  if (ownsConnections) backend.disconnect().catch(() => {});
  await hasClosed(closing);
}
