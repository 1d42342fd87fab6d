// `npm run check`: every rule of the house that a machine can hold. All run; all that fail are named.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

import { nativeSources } from "./native-sources.mjs";
import { PROJECT } from "./step.mjs";

const bin = (name) => join(PROJECT, "node_modules/.bin", name);
const ROOMS = ["oci", "storage", "registry", "puller", "runtime-native", "engine", "cli", "bench", "test"];

/** Types are checked by the build, which `precheck` runs. */
const CHECKS = [
  { name: "lint", command: bin("oxlint"), args: ["--type-aware", "--deny-warnings", ...ROOMS, "tooling"] },
  { name: "format", command: bin("prettier"), args: ["--check", "--log-level", "warn", "."] },
  { name: "import arrows", command: bin("depcruise"), args: ["--config", ".dependency-cruiser.cjs", ...ROOMS] },
  { name: "dead code", command: bin("knip"), args: [] },
  { name: "openapi", command: bin("redocly"), args: ["lint", "openapi.yaml"] },
  { name: "format of C++", command: "clang-format", args: ["--dry-run", "--Werror", ...nativeSources()] },
];

const failed = CHECKS.filter(({ name, command, args }) => {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: PROJECT, encoding: "utf8", env });
  const passed = status === 0;
  console.log(`${passed ? "ok    " : "FAILED"} ${name}`);
  if (!passed) console.log(error?.message ?? `${stdout}${stderr}`);
  return !passed;
});
process.exitCode = failed.length === 0 ? 0 : 1;
