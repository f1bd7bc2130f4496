const { statSync } = require("node:fs");

const { default: TestRunner } = require("jest-runner");

/** The names of the tests in files that have run: most mutants concern a few tests of one file. */
const namesOf = new Map();

/** Runs the files, smallest first, up to one that fails. Jest's `bail` would end the process. */
module.exports = class extends TestRunner {
  async runTests(tests, watcher, options) {
    const asked = new RegExp(this._globalConfig.testNamePattern ?? "", "i");
    let failed = false;
    this.on("test-file-failure", () => (failed = true));
    this.on("test-file-success", ([test, result]) => {
      failed ||= result.numFailingTests > 0;
      namesOf.set(
        test.path,
        result.testResults.map(({ fullName }) => fullName),
      );
    });
    for (const test of tests.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
      if (failed) return;
      if (namesOf.get(test.path)?.some((name) => asked.test(name)) === false) continue;
      await super.runTests([test], watcher, options);
    }
  }
};

function sizeOf({ path }) {
  return statSync(path).size;
}
