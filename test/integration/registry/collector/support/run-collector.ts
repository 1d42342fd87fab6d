import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** @param steps how many changes it may make; all when absent, again and again */
export function startCollector(root: string, graceMs: number, steps?: number): ChildProcess {
  const script = fileURLToPath(import.meta.resolve("./collector-process.js"));
  const args = [script, root, String(graceMs), steps === undefined ? "-" : String(steps)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Kills it with -9 once it has made that many changes. @returns whether there were so many to make */
export async function killCollectorAfter(root: string, steps: number): Promise<boolean> {
  const child = startCollector(root, 0, steps);
  assert.ok(child.stdout);
  const exited = once(child, "exit");
  const [word] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGKILL");
  await exited;
  return word.toString().startsWith("stopped\n");
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
