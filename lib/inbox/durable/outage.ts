import { DeadlineError } from "../../clock.js";
import type { FallibleEngine } from "./engine.js";
import { createProbe } from "./probe.js";
import type { TroubleReports } from "./trouble-reports.js";

/** What the inbox does with notifications. */
export type InboxState =
  /** The engine stores them. */
  | { readonly name: "storing" }
  /** The engine is down: they wait until it is back. */
  | { readonly name: "waiting"; readonly cause: unknown }
  /** The engine is misconfigured: they are passed on, because waiting would not help. */
  | { readonly name: "unusable"; readonly cause: unknown }
  /** The inbox was closed: new ones are passed on. `during` is the state before that. */
  | { readonly name: "closed"; readonly during: InboxState };

/** Whether an engine is down, and what that means for notifications. */
export interface Outage {
  state(): InboxState;
  /** How many outages have begun. */
  count(): number;
  begin(cause: unknown): void;
  /** Notes an error seen elsewhere, which explains an outage better than a missed deadline. */
  note(error: unknown): void;
  /** Forgets the noted error, because the engine answers in spite of it. */
  dismiss(): void;
  close(): void;
}

/** What an {@link Outage} needs. */
export interface OutageOptions {
  readonly engine: FallibleEngine;
  readonly reports: TroubleReports;
  /** Asks the engine for something that it can do only when it is back. */
  readonly ask: () => Promise<unknown>;
  readonly onUnusable: (cause: unknown) => void;
  readonly onEnd: () => void;
}

export function createOutage(options: OutageOptions): Outage {
  const { engine, reports, ask, onUnusable, onEnd } = options;
  const { ownsConnections } = engine;
  const probe = createProbe({ ask, ownsConnections, reconnect: () => engine.reconnect() });
  let state: InboxState = { name: "storing" };
  let noted: unknown;
  let count = 0;

  function begin(error: unknown) {
    if (state.name !== "storing") return;
    const cause = error instanceof DeadlineError ? (noted ?? error) : error;
    const misconfiguration = engine.describeMisconfiguration(cause);
    state = { name: misconfiguration === undefined ? "waiting" : "unusable", cause };
    count += 1;
    engine.onOutage();
    reports.outage(cause, misconfiguration);
    if (misconfiguration !== undefined) onUnusable(cause);
    void probe.run(onProbeFailure).then(end);
  }

  /** An engine that was down may come back without its schema. */
  function onProbeFailure(cause: unknown) {
    const misconfiguration = engine.describeMisconfiguration(cause);
    if (misconfiguration === undefined || state.name !== "waiting") return;
    state = { name: "unusable", cause };
    reports.misconfigured(cause, misconfiguration);
    onUnusable(cause);
  }

  function end() {
    if (state.name === "closed") return;
    state = { name: "storing" };
    dismiss();
    reports.recovered();
    engine.onRecovery();
    onEnd();
  }

  function note(error: unknown) {
    noted = error;
    if (state.name === "waiting" && state.cause instanceof DeadlineError) {
      state = { name: "waiting", cause: error };
    }
  }

  function dismiss() {
    noted = undefined;
  }

  function close() {
    state = { name: "closed", during: state };
    probe.stop();
  }

  return { state: () => state, count: () => count, begin, note, dismiss, close };
}

/** The reason why notifications are not stored, if there is one. */
export function causeOf(state: InboxState): unknown {
  if (state.name === "closed") return causeOf(state.during);
  return state.name === "storing" ? undefined : state.cause;
}

/** Whether the engine was down at the last contact. */
export function isDown(state: InboxState): boolean {
  return state.name === "closed" ? isDown(state.during) : state.name !== "storing";
}
