import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * A scratch project with the packed package, as its users get it, and these files beside it. What else
 * it imports is linked from here, so nothing is downloaded.
 *
 * @returns the directory with these files in it, and the function that removes the project
 */
export function packedProject() {
  const project = mkdtempSync(join(tmpdir(), "telesign-callback-"));
  const modules = join(project, "node_modules");
  const pack = ["pack", "--silent", "--pack-destination", project];
  const [tarball] = execFileSync("npm", pack, { cwd: root, encoding: "utf8" })
    .trim()
    .split("\n")
    .slice(-1);
  execFileSync("tar", ["-xzf", join(project, tarball), "-C", project]);
  mkdirSync(modules);
  cpSync(join(project, "package"), join(modules, "telesign-callback"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  cpSync(join(root, "bench"), join(project, "bench"), { recursive: true });
  const remove = () => rmSync(project, { recursive: true, force: true });
  process.once("exit", remove);
  process.once("SIGINT", () => process.exit(130));
  return { directory: join(project, "bench"), remove };
}
