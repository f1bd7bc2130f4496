import type { Delivery } from "../../receive/delivery.js";
import type { MessageNotification } from "../../receive/notification.js";
import type { Outcome } from "../inbox.js";
import type { Storable } from "./waiting-room.js";

/** SQLite, Redis or PostgreSQL. While an engine is down, its promises stay pending or reject. */
export interface FallibleEngine {
  /** Resolves if the engine could store something now. */
  check(): Promise<void>;
  /** Whether a connection that hangs can be replaced. One that the user made cannot. */
  readonly ownsConnections: boolean;
  /** Called when a probe has failed, to start anew on another connection. */
  reconnect(): void;
  /** Called when an outage begins. */
  onOutage(): void;
  /** Called when the engine is known to answer, after it was in doubt. */
  onRecovery(): void;
  /** Describes a cause that no restart of the engine cures, such as a missing schema. */
  describeMisconfiguration(cause: unknown): string | undefined;
  /** Whether the engine refused one notification for its content, and may store others. */
  isUnstorable?(cause: unknown): boolean;
  /** Describes a cause that an operator can cure, such as a user that the engine does not know. */
  describeCause?(cause: unknown): string | undefined;
}

/** An engine that stores notifications. */
export interface Engine<Stored extends Storable> extends FallibleEngine {
  /**
   * Makes the form in which a notification is stored. `store` may get the same one several times,
   * and stores it once.
   *
   * @throws RangeError or TypeError if the notification cannot be stored by any engine
   */
  prepare(message: MessageNotification, delivery: Delivery): Stored;
  store(stored: Stored): Promise<Outcome>;
}
