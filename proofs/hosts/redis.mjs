import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../support/free-port.mjs";
import { isListening } from "./proxies.mjs";

/** Starts an empty Redis, which ends with the workshop at the latest. */
export async function startRedis(workshop, name) {
  const port = await freePort();
  const args = ["--port", `${port}`, "--save", "", "--dir", workshop.scratch(name)];
  const { end, output } = workshop.start("redis-server", args);
  for (let i = 0; i < 100; i += 1) {
    if (await isListening(port)) return { port, end };
    await sleep(100);
  }
  await end();
  throw new Error(`Redis does not listen: ${output()}`);
}
