import { randomUUID } from "node:crypto";

import type { Statement, Value } from "./database-thread.js";
import { givingUp, RELEASE_ABANDONED, type Claimant } from "./notifications.js";

/** The claims of this process. Only the process that claimed a notification hands it over. */
export interface Claims extends Claimant {
  /** Ids of the claimed notifications, each until its result is stored or given up. */
  readonly held: Set<Value>;
  /** Ends the claims of all other processes. Used while none of them has the file open. */
  readonly whenAlone: readonly Statement[];
  /** Ends claims that this process never learned of, because the connection failed. */
  readonly whenOpened: () => readonly Statement[];
}

export function createClaims(lockDuration: number): Claims {
  const claimant = randomUUID();
  const held = new Set<Value>();
  return {
    claimant,
    lockDuration,
    held,
    whenAlone: [["DELETE FROM claimant WHERE id <> ?", claimant], RELEASE_ABANDONED],
    whenOpened: () => [givingUp(claimant, held)],
  };
}
