import serverless from "serverless-http";

import { servePlatform } from "./gateways.mjs";
import { app, settled } from "./serverless-app.mjs";

const isAzure = process.env.EVENT.startsWith("Azure");
const handle = serverless(app, { provider: isAzure ? "azure" : "aws" });

servePlatform(async (event) => {
  const answer = await (isAzure ? handle({ log() {} }, event) : handle(event, {}));
  await settled();
  return answer;
});
