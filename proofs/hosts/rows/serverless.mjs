import { checkAddress } from "../address-check.mjs";
import { http1 } from "../senders.mjs";
import { checkFrozen } from "../traffic-checks.mjs";
import { rowOfApp } from "./row-of-app.mjs";

const PLATFORMS = ["API Gateway 1", "API Gateway 2", "ALB", "Azure", "Azure, IPv6"];

const onEachPlatform = {
  environments: Object.fromEntries(PLATFORMS.map((platform) => [platform, { EVENT: platform }])),
  further: async (port) => [
    ...(await checkFrozen(http1(port))),
    ...(await checkAddress((from) => http1(port, { from }))),
  ],
};

/** Hosts that have read the whole request before they call the app. */
export const serverless = [
  rowOfApp({
    name: "serverless-http: API Gateway 1 and 2, ALB, Azure",
    app: "serverless-http.mjs",
    dependencies: { "serverless-http": "latest" },
    isShort: true,
    ...onEachPlatform,
  }),
  rowOfApp({
    name: "serverless-express: API Gateway 1 and 2, ALB, Azure",
    app: "codegenie.mjs",
    dependencies: { "@codegenie/serverless-express": "latest" },
    ...onEachPlatform,
  }),
  rowOfApp({
    name: "functions-framework",
    app: "functions-framework.mjs",
    dependencies: { "@google-cloud/functions-framework": "latest" },
    except: { "not JSON: 400": "the framework's body parser runs first and answers its own 400" },
  }),
];
