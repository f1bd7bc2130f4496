import serverlessExpress from "@codegenie/serverless-express";

import { servePlatform } from "./gateways.mjs";
import { app, settled } from "./serverless-app.mjs";

const isAzure = process.env.EVENT.startsWith("Azure");
const handle = serverlessExpress({
  app,
  ...(isAzure && { eventSourceName: "AZURE_HTTP_FUNCTION_V3" }),
});

servePlatform(async (event) => {
  // On Azure the request is in the context.
  const url = `https://localhost${event.url}`;
  const answer = await (isAzure ? handle({ req: { ...event, url } }) : handle(event, {}));
  await settled();
  return answer;
});
