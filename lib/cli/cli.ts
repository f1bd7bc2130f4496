#!/usr/bin/env node
import { setMaxListeners } from "node:events";

import { main } from "./main.js";

const interruption = new AbortController();
// Every message that awaits a retry listens to it.
setMaxListeners(0, interruption.signal);
const interrupt = () => interruption.abort();

// Once, so that a second Ctrl-C ends the process at once.
process.once("SIGINT", interrupt);
process.once("SIGTERM", interrupt);
// Whoever reads the output, such as `head`, may have had enough.
process.stdout.on("error", interrupt);
// Whoever reads what is said beside it matters less.
process.stderr.on("error", () => {});

void main(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  interrupted: interruption.signal,
}).then((status) => {
  process.exitCode = status;
});
