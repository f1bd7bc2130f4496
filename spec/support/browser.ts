import { accessSync, constants } from "node:fs";
import path from "node:path";

import { chromium, type Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const executablePath = findBrowser();

/**
 * `describe` for specs that need a Chromium. Without one they are skipped, with a line that says
 * so; in CI they fail, because a missing browser must not look like a page that works.
 */
export function describeInBrowser(title: string, specs: () => void): void {
  if (executablePath !== undefined || process.env.CI === "true") return describe(title, specs);
  process.stderr.write(`Skipped, because no Chromium is in PATH: ${title}\n`);
  describe.skip(title, specs);
}

export function launchBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(`none of ${NAMES.join(", ")} is in PATH`);
  const quiet = ["background-networking", "component-update", "sync", "gpu", "quic"];
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--no-first-run", ...quiet.map((name) => `--disable-${name}`)],
  });
}

function findBrowser(): string | undefined {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return folders
    .flatMap((folder) => NAMES.map((name) => path.join(folder, name)))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
