import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";

const ROOT = join(__dirname, "..");
const ESBUILD = join(ROOT, "node_modules/.bin/esbuild");
const BANNER =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** Receives a notification, hands it over and ends by itself. */
const APP = `
  import { telesignCallback } from "telesign-callback";
  import { sqliteInbox } from "telesign-callback/sqlite";
  import { deliver, notification } from "telesign-callback/testing";

  const callback = telesignCallback({ inbox: sqliteInbox({ file: process.argv[2] }) });
  callback.onMessage(async ({ mo_message }) => {
    console.log(mo_message);
    setImmediate(() => callback.close());
  });
  void deliver((req, res) => callback(req, res), notification({ mo_message: "handed over" }));
`;

describeWithSqlite("sqliteInbox, in an app that was bundled into one file", () => {
  it.each([
    ["CommonJS", "cjs", []],
    ["CommonJS, minified", "cjs", ["--minify"]],
    ["CommonJS, minified with names kept", "cjs", ["--minify", "--keep-names"]],
    ["an ES module", "mjs", ["--format=esm", `--banner:js=${BANNER}`]],
  ])(
    "as %s, stores and hands over a notification, and lets the process exit",
    (_, extension, options) => {
      const directory = dirname(temporaryFile());
      const bundle = join(directory, `app.${extension}`);
      mkdirSync(join(directory, "elsewhere"));
      const target = [`--outfile=${bundle}`, "--log-level=error"];
      // From within this package, so that its own name resolves.
      execFileSync(ESBUILD, ["--bundle", "--platform=node", ...target, ...options], {
        cwd: ROOT,
        input: APP,
      });
      const file = join(directory, "inbox.db");
      const node = ["--disable-warning=ExperimentalWarning", bundle, file];
      const printed = execFileSync(process.execPath, node, { cwd: join(directory, "elsewhere") });
      expect(printed.toString()).toBe("handed over\n");
    },
  );
});
