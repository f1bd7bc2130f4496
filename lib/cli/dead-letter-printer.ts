import type { DeadLetter } from "../inbox/durable/durable-inbox.js";
import { paint, printable, writeJson, type Terminal } from "./terminal.js";

/** What became of a reference that was to be redriven or discarded. */
type Outcome = "redriven" | "discarded" | "notFound";

/** Prints dead letters, and what became of them. */
export interface DeadLetterPrinter {
  list(letters: readonly DeadLetter[], hasMore: boolean): void;
  changed(reference: string, outcome: Outcome): void;
}

/** How to print. */
interface PrintOptions {
  /** Whether to print phone numbers and texts, which others may see on a terminal. */
  readonly show: boolean;
  readonly json: boolean;
}

/** Makes the printer of the `dead-letters` command. */
export function createDeadLetterPrinter(
  terminal: Terminal,
  { show, json }: PrintOptions,
): DeadLetterPrinter {
  return json ? jsonPrinter(terminal, show) : readablePrinter(terminal, show);
}

function jsonPrinter(terminal: Terminal, show: boolean): DeadLetterPrinter {
  return {
    list(letters, hasMore) {
      // Properties are named one by one, so that one that an inbox adds later is not printed.
      for (const { reference, attempts, failedAt, error, message } of letters) {
        const letter = { reference, attempts, failedAt, error, ...(show && { message }) };
        writeJson(terminal, { event: "deadLetter", ...letter });
      }
      writeJson(terminal, { event: "summary", deadLetters: letters.length, hasMore });
    },
    changed: (reference, outcome) => writeJson(terminal, { event: outcome, reference }),
  };
}

const OUTCOMES = {
  redriven: "redriven: a process with a message listener gets it again",
  discarded: "discarded",
  notFound: "no dead letter has this reference",
};

function readablePrinter({ out }: Terminal, show: boolean): DeadLetterPrinter {
  const print = (line: string) => out.write(`${line}\n`);

  function describe({ reference, attempts, failedAt, error }: DeadLetter) {
    const time = paint(out, "grey", failedAt.toISOString());
    const fault = paint(out, "red", printable([error.name, error.code ?? ""].join(" ").trim()));
    return `${time}  ${printable(reference)}  hand-overs: ${attempts}  ${fault}`;
  }

  return {
    list(letters, hasMore) {
      for (const letter of letters) {
        print(describe(letter));
        if (show) print(`    ${contentOf(letter)}`);
      }
      const more = hasMore ? " shown, the oldest; see --limit for more" : "";
      print(`dead letters: ${letters.length}${more}`);
    },
    changed: (reference, outcome) => print(`${printable(reference)}  ${OUTCOMES[outcome]}`),
  };
}

function contentOf({ message }: DeadLetter): string {
  if (!message)
    return "(unreadable: damaged, of a newer release, or no key in TELESIGN_CALLBACK_ENCRYPTION_KEY opens it)";
  const { from_phone_number: from, to_phone_number: to, mo_message: text } = message;
  return printable(`${from} → ${to}  ${text}`);
}
