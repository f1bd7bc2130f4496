/**
 * Whether `__proto__` or `constructor.prototype` is a key at any depth. Code that merges such an
 * object into another could change every object of the process.
 *
 * @param mayBeCyclic whether `sent` may contain itself; what JSON.parse made never does
 */
export function namesPrototype(sent: unknown, mayBeCyclic: boolean): boolean {
  const found: object[] = [];
  const known = mayBeCyclic ? new Set<object>() : undefined;

  function visitLater(value: unknown) {
    if (!isObject(value) || known?.has(value)) return;
    known?.add(value);
    found.push(value);
  }

  visitLater(sent);
  // The list grows while it is walked.
  for (const object of found) {
    // An array's items have no names, and there may be many.
    if (Array.isArray(object)) object.forEach(visitLater);
    else if (hasPrototypeKey(object, visitLater)) return true;
  }
  return false;
}

/** Whether the object itself names a prototype in its keys. Its values are visited later. */
function hasPrototypeKey(object: object, visitLater: (value: unknown) => void): boolean {
  for (const key in object) {
    if (key === "__proto__") return true;
    const value = (object as Record<string, unknown>)[key];
    if (key === "constructor" && isObject(value) && Object.hasOwn(value, "prototype")) return true;
    visitLater(value);
  }
  return false;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
