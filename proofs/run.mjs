// Starts one proof: npm run proof <name> -- [its arguments]. The first lines of each proof's main
// file list its arguments.
import { runOneOf } from "./support/run-one-of.mjs";

await runOneOf("proof", import.meta.url, {
  faults: "faults/faults.mjs",
  fuzz: "fuzz/fuzz.mjs",
  hosts: "hosts/hosts.mjs",
  memory: "memory/memory.mjs",
  mutation: "mutation/mutation.mjs",
  soak: "soak/soak.mjs",
});
