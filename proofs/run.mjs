// Starts a proof: npm run proof <name> -- [the arguments that its main file lists].
import { runOneOf } from "./support/run-one-of.mjs";

await runOneOf("proof", import.meta.url, {
  faults: "faults/faults.mjs",
  fuzz: "fuzz/fuzz.mjs",
  hosts: "hosts/hosts.mjs",
  memory: "memory/memory.mjs",
  mutation: "mutation/mutation.mjs",
  soak: "soak/soak.mjs",
});
