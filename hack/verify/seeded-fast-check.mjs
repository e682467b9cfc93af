// SPDX-License-Identifier: Apache-2.0
// fast-check for tests, see jest.config.mjs: with the same cases each time, so that what is green stays green until something
// is changed. LONGSHORE_SEED=random, or a number, tries others; a failure tells its seed.
import fastCheck from "../../node_modules/fast-check/lib/fast-check.js";

const SEED = 1;
const wanted = process.env.LONGSHORE_SEED ?? "";
if (wanted !== "random") fastCheck.configureGlobal({ seed: wanted === "" ? SEED : Number(wanted) });

export * from "../../node_modules/fast-check/lib/fast-check.js";
export default fastCheck;
