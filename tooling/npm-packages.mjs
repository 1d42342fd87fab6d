import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { once, PROJECT, run } from "./step.mjs";

/** `npm ci`, unless node_modules came from this very lockfile. */
export function installNpmPackages() {
  const lockfile = readFileSync(join(PROJECT, "package-lock.json"));
  if (!existsSync(join(PROJECT, "node_modules"))) console.log("berth setup: missing: npm packages");
  once("npm-packages", [lockfile], [join(PROJECT, "node_modules/typescript")], () => {
    run("npm", ["ci", "--no-audit", "--no-fund"]);
  });
}
