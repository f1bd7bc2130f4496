import { accessSync, closeSync, constants, openSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { bareError } from "../errors.js";
import { claimPlace } from "../inbox/durable/claim-place.js";

/** The file of one inbox. */
export interface DatabaseFile {
  /** Absolute, so that SQLite takes it neither for a URI nor for `:memory:`. Links are resolved. */
  readonly path: string;
  /** Lets another inbox of this process use the file. */
  release(): void;
}

/**
 * Reserves the file. Creates it if it is missing, so that only its owner can read and write it.
 *
 * @throws TypeError if the option is bad, or another inbox of this process has the file
 * @throws Error if the file cannot be used; neither its text nor its cause names the path
 */
export function claimFile(file: unknown): DatabaseFile {
  if (typeof file !== "string" || file === "" || /^file:|^:memory:$|\0/.test(file)) {
    throw new TypeError("file must be a path, not a URL; memoryInbox is the inbox in memory");
  }
  const { path, inode } = locate(resolve(file));
  // Both, because several paths may lead to one file, and a file created anew has a new inode.
  return { path, release: claimPlaces([path, inode]) };
}

function claimPlaces(places: readonly string[]): () => void {
  const claimed: (() => void)[] = [];
  const release = () => claimed.forEach((releasePlace) => releasePlace());
  try {
    for (const place of places) claimed.push(claimPlace("file", place));
    return release;
  } catch (error) {
    release();
    throw error;
  }
}

function locate(path: string): { readonly path: string; readonly inode: string } {
  try {
    create(path);
    // SQLite puts its write-ahead log beside the real file, not beside a link.
    const real = realpathSync(path);
    accessSync(dirname(real), constants.W_OK | constants.X_OK);
    accessSync(real, constants.R_OK | constants.W_OK);
    // The file is not opened for this: closing a file drops every lock that this process has on it.
    const stats = statSync(real, { bigint: true });
    if (!stats.isFile()) throw new Error();
    return { path: real, inode: `${stats.dev}:${stats.ino}` };
  } catch (error) {
    throw unusable(bareError(error));
  }
}

/** Replaces Node's own error, which names the path. */
function unusable(cause: ReturnType<typeof bareError>): Error {
  return new Error(cause.code === "ENOENT" ? NO_DIRECTORY : NO_ACCESS, { cause });
}

/** Creates the file if it is missing. SQLite gives the log and its index the same mode. */
function create(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (bareError(error).code !== "EEXIST") throw error;
  }
}

const NO_DIRECTORY = "file is in a directory that does not exist; create it first";
const NO_ACCESS =
  "file must be a file that this process can read and write, in a directory that it can write to";
