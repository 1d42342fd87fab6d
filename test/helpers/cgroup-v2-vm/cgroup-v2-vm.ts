import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { fixtureCacheDirectory } from "../fixture-cache.js";
import { PROJECT } from "../project.js";

const SCRIPTS = join(PROJECT, "test/helpers/cgroup-v2-vm");

/** Runs `command` with bash in a virtual machine whose only cgroup hierarchy is v2, in the project's folder (read-only there). */
export function runOnCgroupV2(command: string, seconds: number): { status: number; output: string } {
  const cache = join(fixtureCacheDirectory(), "cgroup-v2-vm");
  const prepared = spawnSync(join(SCRIPTS, "prepare.sh"), [cache], { encoding: "utf8" });
  if (prepared.status !== 0) throw new Error(`the guest could not be prepared:\n${prepared.stdout}${prepared.stderr}`);
  const arguments_ = [cache, String(seconds), PROJECT, command];
  const ran = spawnSync(join(SCRIPTS, "run.sh"), arguments_, { encoding: "utf8", maxBuffer: 64 << 20 });
  return { status: ran.status ?? 125, output: `${ran.stdout}${ran.stderr}` };
}
