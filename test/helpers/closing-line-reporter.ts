import mocha from "mocha";

import { missingCapabilities } from "./capabilities.js";

/** mocha's spec reporter, then what this machine could not run, then one plain line for the CI: `N passed, N failed`. */
export default class ClosingLineReporter extends mocha.reporters.Spec {
  constructor(runner: mocha.Runner, options: mocha.MochaOptions) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = runner.stats ?? { passes: 0, failures: 1, pending: 0 };
      const lines = missingCapabilities().map(({ title, reason }) => `not run on this machine: ${title} (${reason})\n`);
      const closing = `${String(passes)} passed, ${String(failures + pending)} failed\n`;
      process.stdout.write(lines.join("") + closing);
    });
  }
}
