// Mutates the core, and asks the specs of the core to notice: `npm run test:mutation`.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    "lib/*.ts",
    // The durable inbox and the command line need servers and terminals.
    "!lib/{bullmq-inbox,job-queue,job-worker,outage-buffer,stored-notification,engine-connection,severable-sockets,cli}.ts",
  ],
  testRunner: "jest",
  jest: { configFile: "stryker.jest.config.cjs" },
  coverageAnalysis: "perTest",
  // A mutant may wait for an answer that never comes; the specs themselves wait at most 5 s.
  timeoutMS: 10_000,
  concurrency: 2,
  reporters: ["clear-text", "json"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: "coverage/mutation.json" },
  tempDirName: "coverage/stryker",
  allowEmpty: false,
  thresholds: { high: 97, low: 95, break: 95 },
};
