import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure whose message is all that the user needs. */
export class SetupError extends Error {}

/** Runs a command in the project's folder with its output shown. */
export function run(command, args, env = {}) {
  const result = spawnSync(command, args, { cwd: PROJECT, stdio: "inherit", env: { ...process.env, ...env } });
  if (result.error) throw new SetupError(`${command} could not be started: ${result.error.message}`);
  if (result.status !== 0)
    throw new SetupError(`${command} ${args.join(" ")} failed (${result.status ?? result.signal})`);
}

/** Runs `work` unless it was done before with the same `inputs` (strings and buffers) and its `outputs` are still there. */
export function once(name, inputs, outputs, work) {
  const file = join(PROJECT, "node_modules", ".berth", name);
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input).update("\0");
  const stamp = hash.digest("hex");
  if (readIfThere(file) === stamp && outputs.every((output) => existsSync(output))) return;
  work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, stamp);
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
