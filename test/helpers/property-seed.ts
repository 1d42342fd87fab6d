import process from "node:process";

import fc from "fast-check";

/**
 * Loaded by mocha before the tests: properties are tried with the same values in every run, so that a run differs from the one
 * before by what was changed alone. `BERTH_TEST_SEED` tries others: a number, or `random`.
 */
const chosen = process.env["BERTH_TEST_SEED"] ?? "1";
if (chosen !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(chosen) });
