import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import buildIfStale from "../../spec/support/fresh-build.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Makes a temporary project that has the packed package installed, as users get it, and copies of
 * `bench` and `proofs`. Other dependencies are linked from this clone, so nothing is downloaded.
 *
 * @returns the project's directory, and the function that removes it
 */
export function packedProject() {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-"));
  const modules = join(directory, "node_modules");
  buildIfStale();
  const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", directory];
  const printed = execFileSync("npm", pack, { cwd: root, encoding: "utf8" });
  const tarball = printed.trim().split("\n").at(-1);
  execFileSync("tar", ["-xzf", join(directory, tarball), "-C", directory]);
  mkdirSync(modules);
  cpSync(join(directory, "package"), join(modules, "telesign-callback"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  for (const folder of ["bench", "proofs"]) {
    cpSync(join(root, folder), join(directory, folder), { recursive: true });
  }
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  process.once("SIGINT", () => process.exit(130));
  return { directory, remove };
}
