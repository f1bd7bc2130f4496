import { bullmqInbox } from "telesign-callback/bullmq";

import { serve } from "./express-app.mjs";
import { createReceiver } from "./receiver.mjs";

const { QUEUE: queueName, REDIS_PORT } = process.env;
const connection = { host: "127.0.0.1", port: Number(REDIS_PORT) };
serve(createReceiver({ inbox: bullmqInbox({ connection, queueName }) }));
