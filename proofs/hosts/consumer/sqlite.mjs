// Delivers a text through `sqliteInbox`. Prints "delivered", or the error of a runtime without
// node:sqlite.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import express from "express";
import { telesignCallback } from "telesign-callback";
import { sqliteInbox } from "telesign-callback/sqlite";
import { deliver, notification } from "telesign-callback/testing";

const folder = mkdtempSync("sqlite-");
try {
  await receiveAText();
  console.log("delivered");
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function receiveAText() {
  const inbox = sqliteInbox({ file: join(folder, "inbox.db") });
  const callback = telesignCallback({ path: "/telesign/4f9d0c", inbox });
  const heard = new Promise((resolve) => callback.onMessage(resolve));
  const target = express().use(callback);
  const [{ status }] = await deliver(target, notification({ mo_message: "hi" }), {
    path: "/telesign/4f9d0c",
    waits: [],
  });
  const { mo_message: text } = await heard;
  await callback.close();
  if (status !== 200 || text !== "hi") throw new Error(`got ${status} and ${text}`);
}
