/** Runs the parts of a row, except those in `except`, one by one; resolves to the failures. */
export async function runParts(parts, except = {}) {
  const failures = [];
  const isExcepted = (name) => Object.keys(except).some((part) => name.endsWith(part));
  for (const [name, part] of Object.entries(parts)) {
    if (isExcepted(name)) continue;
    try {
      const found = await part();
      // A part that checks the list returns failures. Others throw, or return what they printed.
      if (Array.isArray(found)) failures.push(...found.map((line) => `${name}: ${line}`));
    } catch (error) {
      failures.push(`${name}: ${error.message.trim()}`);
    }
  }
  return failures;
}
