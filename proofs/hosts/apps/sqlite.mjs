import { sqliteInbox } from "telesign-callback/sqlite";

import { serve } from "./express-app.mjs";
import { createReceiver } from "./receiver.mjs";

serve(createReceiver({ inbox: sqliteInbox({ file: process.env.SQLITE_FILE }) }));
