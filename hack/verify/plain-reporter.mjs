// SPDX-License-Identifier: Apache-2.0
import fs from "node:fs";

/**
 * Prints `N passed, N failed` as the very last line, after jest's own summary. With LONGSHORE_COUNTS set, writes
 * the counts into that file instead: then several runs make one line. A suite that cannot be loaded is one failure.
 */
export default class PlainReporter {
  onRunComplete(_contexts, results) {
    const passed = results.numPassedTests;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const file = process.env.LONGSHORE_COUNTS;
    if (file) fs.writeFileSync(file, JSON.stringify({ passed, failed }));
    else process.once("exit", () => fs.writeSync(1, `${passed} passed, ${failed} failed\n`));
  }
}
