/** How the options of a driver say where its server is. */
export interface PlaceOptions {
  /** Options that say where the server is. The driver replaces an unset one with its default. */
  readonly where: readonly string[];
  /** Options that the driver would ignore, each with what to write instead. */
  readonly misplaced: Readonly<Record<string, string>>;
}

/** Options of ioredis for which null means unset. */
const NULL_BY_DEFAULT = ["sentinels", "name", "path"];

/**
 * Refuses connection options that would reach a server other than the intended one.
 *
 * @throws TypeError that says what to write instead
 */
export function refuseWrongPlace(options: object, { where, misplaced }: PlaceOptions): void {
  const prototype: unknown = Object.getPrototypeOf(options);
  // A URL, an array or a promise has no options that a driver would find.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError("connection must be a plain object of options, or a client or a pool");
  }
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(misplaced, name)) {
      throw new TypeError(`connection must not have ${name}; write ${misplaced[name]}`);
    }
    const isNull = value === null && !NULL_BY_DEFAULT.includes(name);
    if (where.includes(name) && (isNull || value === undefined || value === "")) {
      throw new TypeError(
        `connection.${name} is empty; leave it out, or set the variable it comes from`,
      );
    }
  }
}

/** Names that other libraries give to an option, each with what to write instead. */
export function renamed(names: readonly string[], instead: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, instead]));
}

/** The host's name; `localhost` for its usual synonyms, because they are one place. */
export function localName(host: unknown): string {
  const name = String(host).toLowerCase();
  return /^(localhost|127\..*|0\.0\.0\.0|\[?::1?\]?)$/.test(name) ? "localhost" : name;
}
