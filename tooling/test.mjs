// `npm test [-- FOLDER-OR-FILE...]`: all tests, or those below the given parts of test/ (such as unit/oci).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { PROJECT } from "./step.mjs";

const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("-"));
const spec = (chosen.length === 0 ? ["."] : chosen).map((part) => {
  const path = join("dist/test", part.replace(/^test\//, "").replace(/\.ts$/, ".js"));
  return path.endsWith(".js") && existsSync(join(PROJECT, path)) ? path : join(path, "**/*.test.js");
});
const { status } = spawnSync(
  process.execPath,
  [join(PROJECT, "node_modules/mocha/bin/mocha.js"), ...options, ...spec],
  {
    cwd: PROJECT,
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
