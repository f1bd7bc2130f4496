// Measures how long `sqliteInbox` takes to accept a notification, one at a time and 32 at a time,
// as the number of remembered references grows. Needs Node 22.13 or later, and 2 GB of disk.
//
//   npm run bench references -- [--references 10000000]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

import { sqliteInbox } from "telesign-callback/sqlite";

import { notification } from "../proofs/faults/receivers.mjs";
import buildIfStale from "../spec/support/fresh-build.mjs";

buildIfStale();
const { values: options } = parseArgs({
  options: { references: { type: "string", default: "10000000" } },
});
const MOST = Number(options.references);
const ROUNDS = 5;
const COUNT = 2_000;
const GROUP = 32;

const rows = [];
for (const references of [1e3, 1e4, 1e5, 1e6, 1e7].filter((each) => each <= MOST)) {
  rows.push({ references, ...(await measure(references)) });
}
console.table(rows);

async function measure(references) {
  const directory = mkdtempSync(join(tmpdir(), "telesign-callback-bench-"));
  const file = join(directory, "inbox.db");
  try {
    // Creates the tables.
    await using(file, (inbox) => inbox.ready());
    remember(file, references);
    return await using(file, async (inbox) => {
      await acceptAll(inbox, COUNT, GROUP);
      const single = await median(() => acceptAll(inbox, COUNT / 10, 1));
      const grouped = await median(() => acceptAll(inbox, COUNT, GROUP));
      const megabytes = Math.round(statSync(file).size / 1_000_000);
      return { "one by one, µs": single, "in groups, µs": grouped, "file, MB": megabytes };
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function using(file, use) {
  const inbox = sqliteInbox({ file });
  inbox.onError((error) => {
    throw error;
  });
  try {
    return await use(inbox);
  } finally {
    await inbox.close();
  }
}

/** Writes references as if they had been received today. */
function remember(file, references) {
  const database = new DatabaseSync(file);
  const expires = Date.now() + 86_400_000;
  database.exec("PRAGMA synchronous = OFF");
  database
    .prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO reference (key, expires) SELECT lower(hex(randomblob(16))), ? + i FROM n
        ORDER BY 1`,
    )
    .run(references, expires);
  database.close();
}

/** Accepts notifications in groups; resolves to the microseconds that each took. */
async function acceptAll(inbox, count, group) {
  const started = performance.now();
  for (let sent = 0; sent < count; sent += group) {
    const outcomes = await Promise.all(Array.from({ length: group }, () => accept(inbox)));
    if (outcomes.some((outcome) => outcome !== "accepted")) throw new Error("not accepted");
  }
  return ((performance.now() - started) / count) * 1_000;
}

function accept(inbox) {
  return inbox.accept(notification(), {
    receivedAt: new Date(),
    submittedAt: undefined,
    attempt: 1,
  });
}

async function median(measureOnce) {
  const figures = [];
  for (let round = 0; round < ROUNDS; round += 1) figures.push(await measureOnce());
  return Math.round(figures.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]);
}
