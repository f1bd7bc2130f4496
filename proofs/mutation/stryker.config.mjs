// Started by mutation.mjs.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    "lib/**/*.ts",
    // The durable inboxes and the command line need servers and terminals.
    "!lib/{bullmq,sqlite,cli,inbox/durable}/**",
  ],
  testRunner: "jest",
  // Finding the specs related to a mutant takes longer than running most, and all are related here.
  jest: { configFile: "proofs/mutation/jest.config.cjs", enableFindRelatedTests: false },
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
