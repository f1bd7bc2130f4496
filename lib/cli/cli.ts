#!/usr/bin/env node
import { setMaxListeners } from "node:events";

import { main } from "./main.js";

const interruption = new AbortController();
// Every message that waits for its retry adds a listener; Node warns of more than ten.
setMaxListeners(0, interruption.signal);
const interrupt = () => interruption.abort();

// Only once, so that a second Ctrl-C ends the process immediately.
process.once("SIGINT", interrupt);
process.once("SIGTERM", interrupt);
// The reader of the output, such as `head`, may go away.
process.stdout.on("error", interrupt);
// If the reader of standard error goes away, the command continues.
process.stderr.on("error", () => {});

void main(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  interrupted: interruption.signal,
}).then((status) => {
  process.exitCode = status;
});
