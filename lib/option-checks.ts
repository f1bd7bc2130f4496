/**
 * Refuses what a misspelling or an unset environment variable makes of an options object: a guard
 * that silently stays off.
 *
 * @throws TypeError naming the option
 */
export function refuseUnknownAndUndefined(options: object, known: readonly string[]): void {
  if (!isPlain(options)) throw new TypeError("options must be a plain object");
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new TypeError(`unknown option ${name}; there are ${known.join(", ")}`);
    }
    if (value === undefined) {
      throw new TypeError(`${name} is undefined; leave it out to go without, or set its variable`);
    }
  }
}

/** Options that are inherited, or those of a forgotten `await`, would not be seen. */
function isPlain(options: unknown): boolean {
  if (typeof options !== "object" || options === null) return false;
  const prototype: unknown = Object.getPrototypeOf(options);
  // The one without a prototype of its own is Object.prototype, of whatever realm.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// The longest that a timer takes, and more than any of these options can use.
const LARGEST = 2 ** 31 - 1;

/**
 * A whole number above 0, as counts, bytes and milliseconds are.
 *
 * @throws TypeError naming the option
 */
export function wholeNumber(name: string, value: unknown, largest = LARGEST): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= largest) {
    return value;
  }
  throw new TypeError(`${name} must be a whole number from 1 to ${largest}`);
}
