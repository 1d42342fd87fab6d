import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";

/**
 * A temporary directory for everything that a run writes, in folders that are never used twice. `remove` works after
 * failures too: peers leave mounts below it (podman's overlay directory), and these go first, so that no removal ever walks
 * through a mount.
 */
export class Scratch {
  readonly directory: string;
  #count = 0;

  constructor(parent: string = tmpdir()) {
    this.directory = mkdtempSync(join(parent, "berth-bench-"));
  }

  /** A path that does not exist yet. */
  path(name: string): string {
    return join(this.directory, `${this.#count++}-${name}`);
  }

  discard(path: string): void {
    for (const target of mountsBelow(path)) spawnSync("umount", ["--lazy", target], { stdio: "ignore" });
    if (mountsBelow(path).length > 0) throw new Error(`${path} is kept: something is still mounted below it`);
    rmSync(path, { recursive: true, force: true });
  }

  remove(): void {
    this.discard(this.directory);
  }
}

/** Deepest first. */
function mountsBelow(path: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((target) => target === path || target.startsWith(`${path}/`))
    .sort((a, b) => b.length - a.length);
}
