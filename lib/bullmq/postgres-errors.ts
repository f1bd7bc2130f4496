import { bareError } from "../errors.js";

// BullMQ's error name for a missing schema, and PostgreSQL's codes for a missing function or table.
const NO_SCHEMA: readonly unknown[] = ["SchemaMigrationRequiredError", "42883", "42P01"];

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  "28000":
    "PostgreSQL rejects the user, or the connection names no user; " +
    "write postgres://user@host/database, or set PGUSER",
  "28P01": "PostgreSQL refuses the user or the password",
  "3D000": "PostgreSQL has no such database",
  "42501": "the PostgreSQL user lacks a permission that BullMQ needs",
  "53100": "PostgreSQL's disk is full",
  "53300": "PostgreSQL has too many connections",
  "25006": "this PostgreSQL is read-only, as a replica is; connect to its primary",
};

/** Describes a cause that no restart of PostgreSQL cures, such as a pool without a schema. */
export function describeMisconfiguration(cause: unknown): string | undefined {
  if (isEndedPool(cause)) {
    return "the pool has ended; close the callback before the pool";
  }
  const { name, code } = bareError(cause);
  if (![name, code].some((sign) => NO_SCHEMA.includes(sign))) return undefined;
  return (
    "the pool finds no BullMQ schema; call runMigrations from bullmq once, and give the pool " +
    'options: "-c search_path=bullmq"'
  );
}

/** Whether PostgreSQL refuses the data of a statement, such as U+0000: its error class 22. */
export function isUnstorable(cause: unknown): boolean {
  return String(bareError(cause).code).startsWith("22");
}

/** Describes a cause that an operator can cure. */
export function describeCause(cause: unknown): string | undefined {
  return DESCRIPTIONS[String(bareError(cause).code)];
}

/** Recognised by its text, because pg gives it no code. */
function isEndedPool(cause: unknown): boolean {
  const text = "Cannot use a pool after calling end on the pool";
  return cause instanceof Error && cause.message === text;
}
