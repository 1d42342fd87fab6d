import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";

import { run, SetupError } from "./step.mjs";

/** Names what is missing, then installs it: as root, with sudo, or else prints the one command to run. */
export function installDebianPackages(packages) {
  const missing = packages
    .filter(({ file }) => ![file].flat().some((path) => existsSync(path)))
    .map(({ name }) => name);
  if (missing.length === 0) return;
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...missing];
  console.log(`berth setup: missing from Debian: ${missing.join(" ")}`);
  if (!existsSync("/usr/bin/apt-get")) {
    throw new SetupError(`install these with your system's package manager: ${missing.join(" ")}`);
  }
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  if (process.getuid() === 0) {
    run("apt-get", ["update", "-q"], quiet);
    run(install[0], ["-q", ...install.slice(1)], quiet);
  } else if (spawnSync("sudo", ["-n", "true"]).status === 0) {
    run("sudo", ["apt-get", "update", "-q"]);
    run("sudo", ["DEBIAN_FRONTEND=noninteractive", ...install]);
  } else {
    throw new SetupError(`run this as root, then try again:\n  apt-get update && ${install.join(" ")}`);
  }
}
