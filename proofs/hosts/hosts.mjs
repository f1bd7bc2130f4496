// Runs the packed package in every place where it is promised to run, makes the checks that fit the
// place, and prints a Markdown table. Needs npm, and from Debian nginx, haproxy, apache2, caddy,
// varnish and redis-server. The exit status is 0 only if every row holds.
//
//   npm run proof hosts -- [--short] [--list] [words of the rows' names, such as nginx nest]
import { parseArgs } from "node:util";

import { bundlers, processes } from "./rows/bundlers.mjs";
import { compilers, runtimes, testRunners } from "./rows/consumers.mjs";
import { documentedNginx } from "./rows/documented-nginx.mjs";
import { frameworks } from "./rows/frameworks.mjs";
import { proxies } from "./rows/proxies.mjs";
import { serverless } from "./rows/serverless.mjs";
import { shutdown } from "./rows/shutdown.mjs";
import { createWorkshop } from "./workshop.mjs";

const GROUPS = {
  proxies,
  documentedNginx,
  shutdown,
  frameworks,
  serverless,
  processes,
  runtimes,
  bundlers,
  compilers,
  testRunners,
};
const rows = Object.entries(GROUPS).flatMap(([group, list]) =>
  list.map((row) => ({ group, ...row })),
);
const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { short: { type: "boolean" }, list: { type: "boolean" } },
});
const chosen = rows.filter(isChosen);
if (options.list || chosen.length === 0) {
  for (const { group, name } of rows) console.log(`${group}: ${name}`);
  process.exit(chosen.length === 0 ? 2 : 0);
}
// The workshop cleans up on `exit`, which Node does not emit when a signal ends the process.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.exitCode = (await main()) ? 0 : 1;

function isChosen({ group, name, isShort }) {
  if (options.short) return isShort === true;
  const text = `${group} ${name}`.toLowerCase();
  return words.length === 0 || words.some((word) => text.includes(word.toLowerCase()));
}

async function main() {
  const started = Date.now();
  const workshop = await createWorkshop();
  const results = [];
  try {
    for (const row of chosen) results.push(await attempt(row, workshop));
  } finally {
    workshop.close();
  }
  showTable(results);
  const good = results.filter(({ failures }) => failures.length === 0).length;
  const seconds = Math.round((Date.now() - started) / 1_000);
  console.log(`\n${good} of ${results.length} rows hold, in ${seconds} s, Node ${process.version}`);
  return good === results.length;
}

/** Runs one row. A row that throws has failed. */
async function attempt(row, workshop) {
  const started = Date.now();
  const result = await row.run(workshop).catch((error) => ({
    version: "",
    failures: [error.message.trim()],
  }));
  const seconds = Math.round((Date.now() - started) / 1_000);
  const { failures } = result;
  console.error(`${failures.length === 0 ? "ok    " : "FAILED"} ${row.name} (${seconds} s)`);
  for (const failure of failures) console.error(`         ${failure}`);
  return { ...row, ...result };
}

/** Prints the table, and below it which claims cannot hold in a row, and why. */
function showTable(results) {
  const notes = [];
  const lines = results.map(({ name, version, failures, except = {} }) => {
    const limits = Object.entries(except);
    const verdict = failures.length === 0 ? "holds" : "**fails**";
    if (limits.length === 0) return [name, version, verdict];
    notes.push(limits.map(([claim, why]) => `without "${claim}": ${why}`).join("; "));
    return [name, version, `${verdict} (${notes.length})`];
  });
  const header = ["where", "version", "result"];
  const widths = header.map((cell, column) =>
    Math.max(cell.length, ...lines.map((line) => line[column].length)),
  );
  const show = (cells) => console.log(`| ${cells.join(" | ")} |`);
  show(header.map((cell, column) => cell.padEnd(widths[column])));
  show(widths.map((width) => "-".repeat(width)));
  for (const line of lines) show(line.map((cell, column) => cell.padEnd(widths[column])));
  if (notes.length > 0) console.log("");
  for (const [index, note] of notes.entries()) console.log(`${index + 1}. ${note}`);
}
