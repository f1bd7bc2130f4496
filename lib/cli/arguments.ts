import { parseArgs, type ParseArgsConfig } from "node:util";

import { signersOf } from "../receive/signature.js";
import type { HeadersToSend } from "../testing/request-headers.js";
import { printable, type Terminal } from "./terminal.js";

/** A command whose arguments have been checked. Resolves to the exit status. */
export type Run = (terminal: Terminal) => Promise<number>;

/**
 * Reads the arguments of a command.
 *
 * @throws TypeError naming the flag that is wrong
 */
export function parse<Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    const fault = String(cause)
      .replace(/^.*?: /, "")
      // Drops Node's advice on arguments that start with a dash: no command takes such arguments.
      .replace(/'\. [^]*/, "'")
      // Keeps Node's advice on values that start with a dash: it is the remedy.
      .replace(/\.\n[^]*To specify an option argument (.*)\.$/, "; to specify one $1");
    throw new TypeError(printable(fault), { cause });
  }
}

/**
 * Calls `make`, which checks options that were set by flags of the same names.
 *
 * @throws TypeError naming the flag, if `make` throws one that names the option
 */
export function flagged<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw cause instanceof TypeError ? new TypeError(`--${cause.message}`, { cause }) : cause;
  }
}

/**
 * The URL, which must be the only argument.
 *
 * @throws TypeError that does not repeat the URL, since its path may be private
 */
export function urlAmong([text = "", ...others]: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (others.length > 0 || !url || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("expected one http or https URL, quoted if the shell would interpret it");
  }
  if (url.username || url.password) {
    throw new TypeError("the URL must have no user name and no password");
  }
  return url;
}

/**
 * A whole number from `least` to `most`.
 *
 * @throws TypeError naming the flag
 */
export function wholeNumberOf(
  flag: string,
  text: string,
  [least, most]: readonly [number, number],
): number {
  const value = numberIn(text);
  if (value >= least && value <= most) return value;
  throw new TypeError(`${flag} must be a whole number from ${least} to ${most}`);
}

/** The number in a text of digits; `NaN` for any other text, even one that `Number` can read. */
export function numberIn(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

/**
 * Parses headers of the form `Name: value`. A name that is repeated gets several values.
 *
 * @throws TypeError that quotes no header, since a value may be secret
 */
export function headersIn(texts: readonly string[]): HeadersToSend {
  const headers = new Map<string, string[]>();
  for (const text of texts) {
    const [, given, value] = /^([^:]*):[ \t]*([^]*?)[ \t]*$/.exec(text) ?? [];
    if (given === undefined || value === undefined) {
      throw new TypeError("--header must have the form 'Name: value'");
    }
    const name = given.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return Object.fromEntries(
    [...headers].map(([name, values]) => [name, values.length === 1 ? values.join() : values]),
  );
}

/**
 * The API key. It is not a flag, because `ps` shows flags to everyone.
 *
 * @throws TypeError naming the variable
 */
export function apiKeyIn({ TELESIGN_API_KEY: apiKey }: Terminal["env"]): string | undefined {
  if (apiKey === "") throw new TypeError("TELESIGN_API_KEY is empty; set it to a key, or unset it");
  try {
    if (apiKey !== undefined) signersOf(apiKey);
    return apiKey;
  } catch {
    throw new TypeError("TELESIGN_API_KEY must be base64, as TeleSign shows it");
  }
}
