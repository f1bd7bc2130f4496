/**
 * Refuses unknown options and undefined values. A misspelling or an unset environment variable
 * would otherwise silently switch an option off.
 *
 * @throws TypeError naming the option
 */
export function refuseUnknownAndUndefined(options: object, known: readonly string[]): void {
  if (!isPlain(options)) throw new TypeError("options must be a plain object");
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw new TypeError(`unknown option ${name}; the options are ${known.join(", ")}`);
    }
    if (value === undefined) {
      throw new TypeError(`${name} is undefined; leave it out, or set the variable it comes from`);
    }
  }
}

/**
 * Whether `options` is a plain object. Another object, such as a promise, may inherit properties,
 * which the checks would not see.
 */
export function isPlain(options: unknown): options is object {
  if (typeof options !== "object" || options === null) return false;
  const prototype: unknown = Object.getPrototypeOf(options);
  // Each realm has its own Object.prototype, so it is recognised by having no prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The most milliseconds that a `Date` can count (ECMAScript, Time Values and Time Range). */
const LARGEST_TIME = 8.64e15;

/**
 * Checks a duration: a whole number of milliseconds from `least`.
 *
 * @throws TypeError naming the option
 */
export function milliseconds(name: string, value: unknown, least = 1): number {
  return wholeNumber(name, value, LARGEST_TIME, least);
}

/**
 * Checks a whole number from `least` to `largest`.
 *
 * @throws TypeError naming the option
 */
export function wholeNumber(
  name: string,
  value: unknown,
  largest = 2 ** 31 - 1,
  least = 1,
): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= largest) {
    return value;
  }
  throw new TypeError(`${name} must be a whole number from ${least} to ${largest}`);
}
