import { within } from "../clock.js";

/** How long, in ms, an engine gets to say goodbye. */
const GOODBYE_DEADLINE = 2_000;

/** The connection of one queue or worker. */
export interface EngineConnection {
  readonly backend: {
    disconnectBlocking(wait?: boolean): Promise<void>;
    close(force?: boolean): Promise<void>;
    disconnect(): Promise<void>;
  };
  /** The user's own clients and pools stay open. */
  readonly isOurs: boolean;
  /** Ends what the backend itself cannot: sockets that hang. */
  readonly sever: () => void;
}

/** Waits for a goodbye, for a while. False if the engine did not say it. */
export async function hasEnded(goodbye: Promise<unknown>): Promise<boolean> {
  return within(GOODBYE_DEADLINE, goodbye).then(
    () => true,
    () => false,
  );
}

/** Ends a connection that may hang, or that never came about. */
export async function endConnection({ backend, isOurs, sever }: EngineConnection): Promise<void> {
  sever();
  // What waits for an answer from a connection that never was stays pending, or rejects.
  backend.disconnectBlocking(false).catch(() => {});
  const closing = backend.close(true);
  // On Redis this ends the client, whoever owns it.
  if (isOurs) backend.disconnect().catch(() => {});
  await hasEnded(closing);
}
