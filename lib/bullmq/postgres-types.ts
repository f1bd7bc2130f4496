/** Finds the parser for a PostgreSQL type: what pg takes as its option `types`. */
interface TypeParsers {
  getTypeParser(oid: number, format?: "text" | "binary"): (value: string) => unknown;
}

/** The ids of the types json and jsonb. */
const JSON_TYPES: readonly number[] = [114, 3802];

/**
 * The parsers for the inbox's own connections: the app's, except that JSON is always parsed.
 * BullMQ would find no jobs if pg left it as text.
 *
 * @throws Error if pg is not installed
 */
export function typeParsers(): TypeParsers {
  const { types }: { types: TypeParsers } = loadDriver();
  return {
    getTypeParser: (oid, format) =>
      JSON_TYPES.includes(oid) ? parseJson : types.getTypeParser(oid, format),
  };
}

/** Whether a pool parses JSON, with its own parsers or with the app's. */
export function parsesJson(own: unknown): boolean {
  const parsers = isTypeParsers(own) ? own : installedParsers();
  return JSON_TYPES.every((oid) => typeof parsers.getTypeParser(oid, "text")("{}") === "object");
}

function isTypeParsers(value: unknown): value is TypeParsers {
  return typeof value === "object" && value !== null && "getTypeParser" in value;
}

function installedParsers(): TypeParsers {
  try {
    return loadDriver().types;
  } catch {
    // Without pg, the pool belongs to another driver, which is assumed to parse JSON as pg does.
    return { getTypeParser: () => parseJson };
  }
}

function parseJson(text: string): unknown {
  return JSON.parse(text);
}

// Typed here, because the global `require` returns `any`.
declare function require(driver: "pg"): typeof import("pg");

/** @throws Error if pg is not installed */
export function loadDriver() {
  try {
    // Bundlers accept a missing module only in this form: a literal `require` in a `try` block.
    return require("pg");
  } catch (cause) {
    throw new Error("the inbox needs pg for PostgreSQL; npm install pg", { cause });
  }
}
