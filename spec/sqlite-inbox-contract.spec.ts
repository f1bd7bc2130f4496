import { sqliteInbox } from "telesign-callback/sqlite";

import { describeDurableInbox } from "./support/durable-inbox-contract.js";
import { describeInbox } from "./support/inbox-contract.js";
import { describeWithSqlite, temporaryFile } from "./support/sqlite.js";

describeWithSqlite("the contract of an inbox:", () => {
  describeInbox("sqliteInbox", () => sqliteInbox({ file: temporaryFile() }));

  describeDurableInbox("sqliteInbox", () => {
    const file = temporaryFile();
    return { open: (options) => sqliteInbox({ file, ...options }) };
  });
});
