import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where fixtures that take long to build are kept between runs: never inside the work tree. */
export function fixtureCacheDirectory(): string {
  if (process.env["XDG_CACHE_HOME"]) return join(process.env["XDG_CACHE_HOME"], "berth");
  return process.getuid?.() === 0 ? "/var/cache/berth-tests" : join(homedir(), ".cache", "berth");
}

/**
 * The cached directory `name`, built first when it is absent. Of several processes that ask at once one builds and the others
 * wait. `build` fills an empty directory, which gets its final name only when `build` has resolved: a run that was killed
 * leaves nothing that looks finished, and what it left is removed by the next builder.
 * Nobody may write into the result: others are reading it.
 */
export async function cachedFixture(name: string, build: (directory: string) => Promise<void>): Promise<string> {
  const cache = fixtureCacheDirectory();
  const finished = join(cache, name);
  if (existsSync(finished)) return finished;
  await mkdir(cache, { recursive: true });
  const release = await lock(join(cache, `${name}.lock`));
  try {
    if (existsSync(finished)) return finished;
    for (const entry of await readdir(cache)) {
      if (entry.startsWith(`${name}.partial-`)) await rm(join(cache, entry), { recursive: true, force: true });
    }
    const partial = join(cache, `${name}.partial-${process.pid}`);
    await mkdir(partial);
    try {
      await build(partial);
      await rename(partial, finished);
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
    return finished;
  } finally {
    release();
  }
}

/** flock(1) held by a child that waits for its standard input to end, so that the lock goes when this process does. */
async function lock(path: string): Promise<() => void> {
  const child = spawn("flock", ["--exclusive", path, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`flock ${path} ended with ${code}`));
    });
    child.stdout.once("data", () => {
      resolve();
    });
  });
  return () => {
    child.removeAllListeners("exit");
    child.stdin.end();
  };
}
