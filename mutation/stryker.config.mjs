// Mutates the core, and asks the specs of the core to notice: `npm run test:mutation`. It takes an hour.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    "lib/*.ts",
    // The durable inbox and the command line need servers and terminals.
    "!lib/{bullmq-inbox,job-queue,job-worker,outage-buffer,stored-notification,engine-connection,severable-sockets,cli}.ts",
  ],
  testRunner: "jest",
  // To find the related specs anew for each mutant takes longer than most of them, and all of these are.
  jest: { configFile: "mutation/jest.config.cjs", enableFindRelatedTests: false },
  coverageAnalysis: "perTest",
  // A mutant may wait for an answer that never comes; the specs themselves wait at most 5 s.
  timeoutMS: 10_000,
  concurrency: 2,
  reporters: ["clear-text", "json", "progress-append-only"],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: "coverage/mutation.json" },
  tempDirName: "coverage/stryker",
  thresholds: { high: 97, low: 95, break: 95 },
};
