// Hands over what any receiver stored. Run as many as you need: each notification goes to one.
import { telesignCallback } from "telesign-callback";
import { bullmqInbox } from "telesign-callback/bullmq";

import { connection } from "./connection.mjs";

// A worker serves no HTTP: the callback is mounted nowhere.
const callback = telesignCallback({ inbox: bullmqInbox({ connection, attempts: 1 }) });
callback.onMessage(({ mo_message, mo_reference_id }, { attempt }) => {
  // A text may come twice: look mo_reference_id up before doing what must not be done twice.
  if (mo_message === "poison" && attempt === 1) throw new Error("this text is not understood yet");
  console.log(`worker ${process.pid}: ${mo_message} (${mo_reference_id}, attempt ${attempt})`);
});
callback.on("error", ({ code }) => console.error(`worker ${process.pid}: ${code}`));

process.once("SIGTERM", async () => {
  await callback.close({ timeout: 8_000 });
  process.exit();
});
