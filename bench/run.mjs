// Starts one benchmark: npm run bench [growth|inbox|references|startup] -- [its arguments]. The
// first lines of each file list its arguments. Without a name, table.mjs compares the package with
// other receivers.
import { runOneOf } from "../proofs/support/run-one-of.mjs";

const benches = {
  growth: "growth.mjs",
  inbox: "inbox.mjs",
  references: "references.mjs",
  startup: "startup.mjs",
};
await runOneOf("bench", import.meta.url, benches, "table.mjs");
