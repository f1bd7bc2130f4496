// Changes the core in one place at a time and checks that a spec fails. Takes up to an hour on two
// cores. Fetches the Node that Stryker needs, and leaves its report in coverage/mutation.json.
// README.md beside this file says why some changes survive.
//
//   npm run proof mutation -- [--mutate lib/receive/body.ts]
import { spawnSync } from "node:child_process";

import buildIfStale from "../../spec/support/fresh-build.mjs";

// Some specs start programs that load the built package.
buildIfStale();

const stryker = ["stryker", "run", "proofs/mutation/stryker.config.mjs", ...process.argv.slice(2)];
const { status } = spawnSync("npm", ["exec", "--yes", "--package=node@24", "--", ...stryker], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
