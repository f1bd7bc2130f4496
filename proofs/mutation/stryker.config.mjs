// Started by mutation.mjs.
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: [
    "lib/**/*.ts",
    // The durable inboxes and the command line need servers and terminals.
    "!lib/{bullmq,sqlite,cli,inbox/durable}/**",
  ],
  testRunner: "jest",
  // Finding the related specs of each mutant takes longer than most mutants, and all of these are related.
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
