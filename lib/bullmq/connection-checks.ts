/**
 * Refuses options of a connection that would reach another server than the one that was meant.
 *
 * @param where the options that say where the server is; the driver takes this machine's for an
 * unset one
 * @throws TypeError that says what to write instead
 */
export function refuseWrongPlace(options: object, where: readonly string[]): void {
  const prototype: unknown = Object.getPrototypeOf(options);
  // A URL, an array or a promise has no options that a driver would find.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError("connection must be a plain object of options, or a client or a pool");
  }
  for (const [name, value] of Object.entries(options)) {
    if (!where.includes(name) || (value !== undefined && value !== "")) continue;
    throw new TypeError(
      `connection.${name} is empty; leave it out, or set the variable it comes from`,
    );
  }
}

/** All names of this machine are one place. */
export function localName(host: unknown): string {
  const name = String(host).toLowerCase();
  return /^(localhost|127\..*|0\.0\.0\.0|\[?::1?\]?)$/.test(name) ? "localhost" : name;
}
