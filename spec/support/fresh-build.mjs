import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds `dist` if `lib` has changed since the last build, so that no spec runs old code. */
export default function buildIfStale() {
  const sources = readdirSync(join(root, "lib"), { recursive: true });
  const lastChange = Math.max(...sources.map((file) => changedAt(join("lib", file))));
  if (Math.min(...builtFiles().map(changedAt)) > lastChange) return;
  execFileSync("npm", ["run", "build"], { cwd: root, stdio: "inherit" });
}

/** The files of the built entry points, with their declarations, which the build writes last. */
function builtFiles() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [] : Object.values(entry),
  );
}

/** When a file or folder last changed, in ms; 0 if it does not exist. */
function changedAt(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
