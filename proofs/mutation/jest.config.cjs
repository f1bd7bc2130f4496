const { readdirSync } = require("node:fs");
const path = require("node:path");

const config = require("../../jest.config.js");

const root = path.join(__dirname, "../..");

// These need a server, a browser, a terminal or the built package, or are not about the core.
const NOT_CORE =
  /^(bullmq|sqlite|cli(?!-(send|conversation))|conversations|docs|durable|encryption|engine|examples|job|observability|outage|package|pool|privacy-tracing|readme|shutdown-behind|start|testing-environments|testing-readme|types)\b/;
const core = readdirSync(path.join(root, "spec")).filter(
  (file) => file.endsWith(".spec.ts") && !NOT_CORE.test(file),
);

module.exports = {
  ...config,
  rootDir: root,
  globalSetup: undefined,
  testMatch: core.map((file) => `<rootDir>/spec/${file}`),
  collectCoverage: false,
  runner: require.resolve("./files-to-first-failure.cjs"),
  testEnvironment: require.resolve("./tests-to-first-failure.cjs"),
};
