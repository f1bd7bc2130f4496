const config = require("../jest.config.js");

// The specs of the core: those that need a server, a browser, a terminal or `dist` are about the rest. The quickest come
// first, since a mutant ends with the first failure.
const CORE = [
  "server-address",
  "hang-up",
  "age",
  "testing",
  "privacy",
  "shutdown",
  "listeners",
  "properties",
  "addresses",
  "retries",
  "signature",
  "routing",
  "options",
  "notification",
  "body",
  "answers",
];

module.exports = {
  ...config,
  rootDir: "..",
  testMatch: CORE.map((name) => `<rootDir>/spec/${name}.spec.ts`),
  collectCoverage: false,
  runner: require.resolve("./files-to-first-failure.cjs"),
  testEnvironment: require.resolve("./tests-to-first-failure.cjs"),
};
