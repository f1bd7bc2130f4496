const config = require("./jest.config.js");

// The specs of the core: those that need a server, a browser, a terminal or `dist` are about the rest.
const CORE = [
  "addresses",
  "age",
  "answers",
  "body",
  "listeners",
  "notification",
  "options",
  "privacy",
  "properties",
  "retries",
  "routing",
  "shutdown",
  "signature",
  "testing",
];

module.exports = {
  ...config,
  testMatch: CORE.map((name) => `<rootDir>/spec/${name}.spec.ts`),
  collectCoverage: false,
};
