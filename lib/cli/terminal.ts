import { styleText } from "node:util";

/** Where a command writes: a terminal, a pipe or a file. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** The width of a terminal; 0 if it is unknown. */
  readonly columns?: number | undefined;
  /** Whether the output shows colours, given `NO_COLOR`. Only a terminal has this method. */
  hasColors?(): boolean;
}

/** The parts of its process that a command uses. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Aborted by Ctrl-C, by SIGTERM, or when the reader of the output goes away: the command finishes
   * what is under way and begins nothing new.
   */
  readonly interrupted: AbortSignal;
}

type Colour = "red" | "green" | "yellow" | "cyan" | "grey";

/** Colours a text if the output shows colours. */
export function paint(output: Output, colour: Colour, text: string): string {
  // Without the option, styleText would ask the process's own stdout instead.
  return output.hasColors?.() ? styleText(colour, text, { validateStream: false }) : text;
}

/**
 * Escapes the characters that control a terminal or change the reading direction. Every text that a
 * stranger sent goes through this function. Escaped JSON keeps its meaning.
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

/** Writes a value as one line of JSON. */
export function writeJson({ out }: Terminal, value: object): void {
  out.write(`${printable(JSON.stringify(value))}\n`);
}
