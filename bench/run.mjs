// Starts one benchmark: npm run bench [growth|inbox|references|startup] -- [its arguments]. Each one's
// first lines say what it takes. Without a name, it compares the package with other receivers.
import { runOneOf } from "../proofs/support/run-one-of.mjs";

const benches = {
  growth: "growth.mjs",
  inbox: "inbox.mjs",
  references: "references.mjs",
  startup: "startup.mjs",
};
await runOneOf("bench", import.meta.url, benches, "table.mjs");
