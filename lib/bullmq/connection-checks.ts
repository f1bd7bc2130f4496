/** How the options of a driver say where its server is. */
export interface PlaceOptions {
  /** The options that do. For an unset one the driver takes this machine's server. */
  readonly where: readonly string[];
  /** Options that say it elsewhere, and what to write instead. The driver would ignore them. */
  readonly misplaced: Readonly<Record<string, string>>;
}

/** What a client of ioredis has at these options by default. */
const NULL_BY_DEFAULT = ["sentinels", "name", "path"];

/**
 * Refuses options of a connection that would reach another server than the one that was meant.
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

/** Options by the names that other programs give them. */
export function renamed(names: readonly string[], instead: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, instead]));
}

/** All names of this machine are one place. */
export function localName(host: unknown): string {
  const name = String(host).toLowerCase();
  return /^(localhost|127\..*|0\.0\.0\.0|\[?::1?\]?)$/.test(name) ? "localhost" : name;
}
