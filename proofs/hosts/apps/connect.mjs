import connect from "connect";

import { plainApp } from "./plain.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

const app = connect().use(keepId).use(createReceiver()).use(plainApp);
announce(app.listen(port, "127.0.0.1"));
