const { isBuiltin } = require("node:module");

const isCI = process.env.CI === "true";

/** @type {import('jest').Config} */
module.exports = {
  // Some specs run the built package.
  globalSetup: "<rootDir>/spec/support/fresh-build.mjs",
  // Most specs wait for servers rather than for a processor.
  maxWorkers: "100%",
  testMatch: ["<rootDir>/spec/**/*.spec.ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { target: "es2022" }, sourceMaps: "inline" }] },
  moduleNameMapper: {
    // Specs import the package as its users do, and cover its source.
    "^telesign-callback$": "<rootDir>/lib/index.ts",
    "^telesign-callback/bullmq$": "<rootDir>/lib/bullmq/bullmq-inbox.ts",
    "^telesign-callback/sqlite$": "<rootDir>/lib/sqlite/sqlite-inbox.ts",
    "^telesign-callback/testing$": "<rootDir>/lib/testing/testing.ts",
    "^(\\.{1,2}/.*)\\.js$": "$1",
  },
  // A mutation run's copy is a package of the same name.
  modulePathIgnorePatterns: ["<rootDir>/dist", "<rootDir>/coverage"],
  restoreMocks: true,
  collectCoverage: isCI,
  // Where Node has no node:sqlite, its specs are skipped.
  collectCoverageFrom: ["lib/**/*.ts", ...(isBuiltin("node:sqlite") ? [] : ["!lib/sqlite/**"])],
  coverageThreshold: { global: { lines: 100, branches: 100 } },
};
