import { storedFailure, type Failure } from "../inbox/durable/dead-letter.js";
import type { DeadLetter } from "../inbox/durable/durable-inbox.js";

/** What BullMQ stores of a failed attempt: not the listener's own error, which may say anything. */
export class HandOverError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, { isLast }: { readonly isLast: boolean }) {
    const { name, code = "" } = storedFailure(failure);
    super(`${WORDS[typeof failure === "string" ? failure : "failed"]}: ${name} ${code}`.trimEnd());
    this.failure = failure;
    // BullMQ does not retry a job that failed with an error of this name.
    if (isLast) this.name = "UnrecoverableError";
  }
}

const WORDS = {
  failed: "a listener failed",
  "cut short": "the last attempt did not end",
  locked: "no encryption key opens it",
  damaged: "it is damaged",
};

/** The failure of a job's last attempt, read from what BullMQ stored. */
export function parseFailure(reason: unknown): DeadLetter["error"] {
  const [, name, code] = /: ([A-Za-z]\w*)(?: ([A-Za-z]\w*))?$/.exec(String(reason)) ?? [];
  // BullMQ writes another text for a job whose process died too often.
  if (name === undefined) return storedFailure("cut short");
  return { name, ...(code !== undefined && { code }) };
}
