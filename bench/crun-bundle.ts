import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { timeCommands, type Command } from "./timed-command.js";

const CRUN = "/usr/bin/crun";

/** Writes an OCI bundle in `directory` that runs `command` on `rootfs`, with what `crun spec` gives for the rest. */
export async function crunBundle(directory: string, rootfs: string, command: readonly string[]): Promise<Command> {
  const bundle = join(directory, "bundle");
  mkdirSync(bundle, { recursive: true });
  await timeCommands([{ program: CRUN, args: ["spec"], cwd: bundle }]);
  const file = join(bundle, "config.json");
  const spec = JSON.parse(readFileSync(file, "utf8")) as { process: object; root: object };
  spec.process = { ...spec.process, terminal: false, args: command, rlimits: [] };
  spec.root = { path: rootfs, readonly: true };
  writeFileSync(file, JSON.stringify(spec));
  const options = ["--root", join(directory, "state"), "--cgroup-manager=cgroupfs"];
  return { program: CRUN, args: [...options, "run", "--bundle", bundle, `berth-bench-${process.pid}`] };
}
