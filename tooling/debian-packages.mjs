import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";

import { run, SetupError } from "./step.mjs";

/**
 * Debian starts a server when it is installed, and some of these would take ports (docker-registry 5000, nginx 80) or change the
 * host's network (dockerd): policy-rc.d(8) keeps them from it. It stays when there was one before.
 */
const INSTALL = `set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap "rm -f $policy" EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"`;

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
  const script = ["sh", "-c", INSTALL, "berth-setup", ...missing];
  if (process.getuid() === 0) {
    run(script[0], script.slice(1));
  } else if (spawnSync("sudo", ["-n", "true"]).status === 0) {
    run("sudo", script);
  } else {
    throw new SetupError(`run this as root, then try again:\n  apt-get update && ${install.join(" ")}`);
  }
}
