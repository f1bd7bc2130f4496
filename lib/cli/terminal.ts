/** Where a command writes: a terminal, a pipe or a file. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** How wide a terminal is; one that cannot tell says 0. */
  readonly columns?: number | undefined;
  /** Whether it shows colours; only a terminal answers, and asks the environment (`NO_COLOR`) first. */
  hasColors?(): boolean;
}

/** What a command may use of the process it runs in. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C: finish what is under way, begin nothing. */
  readonly interrupted: AbortSignal;
}

const COLOURS = { red: 31, green: 32, yellow: 33, cyan: 36, grey: 90 };

/** The text in a colour, where the output has colours. node:util's styleText came with Node 20.12 only. */
export function paint(output: Output, colour: keyof typeof COLOURS, text: string): string {
  return output.hasColors?.() ? `\u001b[${COLOURS[colour]}m${text}\u001b[39m` : text;
}

/**
 * The text with what would command the terminal, or turn the reading direction, written out as an
 * escape. What strangers send goes through here; JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    escaped,
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** One line of JSON for the next program. */
export function writeJson({ out }: Terminal, value: object): void {
  out.write(`${printable(JSON.stringify(value))}\n`);
}
