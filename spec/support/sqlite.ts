import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Describes what needs node:sqlite. It is skipped where Node has none. */
export function describeWithSqlite(promise: string, define: () => void): void {
  const isThere = isBuiltin("node:sqlite");
  if (!isThere) process.stderr.write("skipped: this Node has no node:sqlite\n");
  (isThere ? describe : describe.skip)(promise, define);
}

const directories: string[] = [];

/** The path of a file that is not there yet, in a directory that is removed at the end. */
export function temporaryFile(): string {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-sqlite-"));
  directories.push(directory);
  return join(directory, "inbox.db");
}

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
