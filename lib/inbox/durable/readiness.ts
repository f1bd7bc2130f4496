import { DeadlineError, within } from "../../clock.js";
import { inboxError } from "../../errors.js";
import type { FallibleEngine } from "./engine.js";
import { causeOf, isDown, type Outage } from "./outage.js";
import { ENGINE_DEADLINE } from "./probe.js";
import type { TroubleReports } from "./trouble-reports.js";

/** How long to wait for an engine that is neither up nor known to be down, in ms. */
const READY_DEADLINE = 10_000;

/** Waits until an engine completes a write. Rejects with an `ERR_INBOX` that says why it cannot. */
export async function untilReady(engine: FallibleEngine, outage: Outage): Promise<void> {
  if (outage.state().name === "closed") throw inboxError("the inbox is closed", undefined);
  const end = performance.now() + READY_DEADLINE;
  for (;;) {
    try {
      return await within(ENGINE_DEADLINE, engine.check());
    } catch (error) {
      const isLate = error instanceof DeadlineError;
      if (isLate && !isDown(outage.state()) && performance.now() < end) continue;
      const cause = isLate ? (causeOf(outage.state()) ?? error) : error;
      const text = engine.describeMisconfiguration(cause) ?? engine.describeCause?.(cause);
      throw inboxError(text ?? "the inbox's engine does not accept writes", cause);
    }
  }
}

/** Makes the function that takes errors seen elsewhere, and checks whether the engine is down. */
export function createSuspicion(
  engine: FallibleEngine,
  outage: Outage,
  reports: TroubleReports,
): (cause: unknown) => void {
  let isChecking = false;

  return function suspect(cause) {
    outage.note(cause);
    if (outage.state().name !== "storing" || isChecking) return;
    isChecking = true;
    const before = outage.count();
    within(ENGINE_DEADLINE, engine.check())
      .then(
        () => {
          // An outage that began meanwhile is reported already, and probes the engine itself.
          if (outage.count() > before) return;
          outage.dismiss();
          engine.onRecovery();
          reports.trouble(cause);
        },
        () => outage.begin(cause),
      )
      .finally(() => (isChecking = false));
  };
}
