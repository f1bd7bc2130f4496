import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { bareError } from "../errors.js";
import { claimPlace } from "../inbox/durable/claim-place.js";

/** The file of one inbox. */
export interface DatabaseFile {
  /** Absolute, so that SQLite takes it neither for a URI nor for a database in memory. */
  readonly path: string;
  /** Lets another inbox of this process have it. */
  release(): void;
}

/**
 * Creates the file if it is not there, readable and writable for its owner only, and reserves it.
 *
 * @throws TypeError if the option is bad, or another inbox of this process has the file
 * @throws Error if the file cannot be used; neither its text nor its cause names the path
 */
export function claimFile(file: unknown): DatabaseFile {
  if (typeof file !== "string" || file === "" || file.includes("\0") || file === ":memory:") {
    throw new TypeError("file must be the path of a file; memoryInbox is the inbox in memory");
  }
  const path = resolve(file);
  return { path, release: claimPlace("file", identify(path)) };
}

/** The device and the inode: several paths may lead to one file. */
function identify(path: string): string {
  try {
    create(path);
    // SQLite puts its write-ahead log beside the file.
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    accessSync(path, constants.R_OK | constants.W_OK);
    // Not by opening it: closing a file drops every lock that this process has on it.
    const stats = statSync(path, { bigint: true });
    if (!stats.isFile()) throw new Error();
    return `${stats.dev}:${stats.ino}`;
  } catch (error) {
    throw unusable(bareError(error));
  }
}

/** Node's own error names the path. */
function unusable(cause: ReturnType<typeof bareError>): Error {
  return new Error(cause.code === "ENOENT" ? NO_DIRECTORY : NO_ACCESS, { cause });
}

/** SQLite gives its other files the mode of this one. */
function create(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (bareError(error).code !== "EEXIST") throw error;
  }
}

const NO_DIRECTORY = "the directory of file does not exist; create it first";
const NO_ACCESS =
  "file must be a file that this process can read and write, in a directory that it can write to";
