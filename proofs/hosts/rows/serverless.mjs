import { checkAddress } from "../address-check.mjs";
import { http1 } from "../senders.mjs";
import { rowOfApp } from "./row-of-app.mjs";

const PLATFORMS = ["API Gateway 1", "API Gateway 2", "ALB", "Azure"];

const addressSeenBy = (port) => checkAddress((from) => http1(port, { from }));

const onEachPlatform = (adapter, app, dependency) =>
  PLATFORMS.map((platform) =>
    rowOfApp({
      name: `${adapter}, ${platform}`,
      folder: adapter,
      app,
      dependencies: { [dependency]: "latest" },
      env: { EVENT: platform },
      further: addressSeenBy,
      isShort: adapter === "serverless-http",
    }),
  );

/** Hosts that hand over a request which is already whole. */
export const serverless = [
  ...onEachPlatform("serverless-http", "serverless-http.mjs", "serverless-http"),
  ...onEachPlatform("serverless-express", "codegenie.mjs", "@codegenie/serverless-express"),
  rowOfApp({
    name: "functions-framework",
    app: "functions-framework.mjs",
    dependencies: { "@google-cloud/functions-framework": "latest" },
    except: { "no JSON: 400": "the framework's body parser runs first and answers its own 400" },
  }),
];
