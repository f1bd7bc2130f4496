import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { signalChild, startChild } from "./children.mjs";

const LONGEST = 300_000;

/** The environment without what `npm run` adds, which would affect the installs here. */
export const environment = Object.fromEntries(
  Object.entries({ ...process.env, CI: "true", NEXT_TELEMETRY_DISABLED: "1" }).filter(
    ([name]) => !/^npm_/.test(name) || /^npm_config_(registry|cache|userconfig|cafile)$/.test(name),
  ),
);

/** Runs a program for 5 minutes at most. Resolves to its output; rejects with an excerpt. */
export function execute(program, args, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "pipe", "pipe"];
    const child = startChild(program, args, { cwd, env: { ...environment, ...env }, stdio });
    const timer = setTimeout(() => signalChild(child, "SIGKILL"), LONGEST);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      if (status === 0) resolve(output);
      else reject(new Error(`ended with ${status}\n${excerpt(output)}`));
    });
  });
}

/** The beginning and the end of an output, where programs say what is wrong. */
function excerpt(output) {
  return output.length < 2_000 ? output : `${output.slice(0, 1_000)}\n…\n${output.slice(-1_000)}`;
}

/** Packs the built package at `root` as it would be published, and returns the tarball. */
export async function pack(root, folder) {
  await execute("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], root);
  return join(
    folder,
    readdirSync(folder).find((file) => file.endsWith(".tgz")),
  );
}

export async function install(project, dependencies) {
  mkdirSync(project, { recursive: true });
  // These packages fetch their programs in install scripts, which newer npms run only if allowed.
  const allowScripts = { node: true, bun: true, deno: true };
  const described = { private: true, dependencies, allowScripts };
  writeFileSync(join(project, "package.json"), JSON.stringify(described));
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  await execute("npm", ["install", ...quiet], project);
}

export function versionIn(project, name) {
  const path = join(project, "node_modules", name, "package.json");
  return JSON.parse(readFileSync(path, "utf8")).version;
}
