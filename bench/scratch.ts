import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";

const IMAGE_SUFFIX = ".ext4";
/** Sparse: only what is written takes room. */
const VOLUME_BYTES = 16 * 1024 ** 3;

/**
 * A temporary directory for everything that a run writes, in folders that are never used twice. `remove` works after
 * failures too: peers leave mounts below it (podman's overlay directory), and these go first, so that no removal ever walks
 * through a mount.
 */
export class Scratch {
  readonly directory: string;
  #count = 0;
  readonly #cleanups: (() => void)[] = [];

  constructor(parent: string = tmpdir()) {
    this.directory = mkdtempSync(join(parent, "berth-bench-"));
  }

  /** A path that does not exist yet. */
  path(name: string): string {
    return join(this.directory, `${this.#count++}-${name}`);
  }

  /**
   * A path in an empty ext4 file system of its own, as Debian makes them. Without it, whoever comes later pays for what
   * earlier ones have removed: ext4 without a journal skips each inode freed in the last minutes, one by one, at every create.
   */
  volume(name: string): string {
    const directory = this.path(name);
    const image = `${directory}${IMAGE_SUFFIX}`;
    mkdirSync(directory);
    writeFileSync(image, "");
    truncateSync(image, VOLUME_BYTES);
    run("/sbin/mkfs.ext4", ["-q", "-F", "-E", "nodiscard", image]);
    // As a disk is: what is written to it is not kept in memory once more, as the pages of the file that it lies in.
    const device = run("/sbin/losetup", ["--find", "--show", "--direct-io=on", image]).trim();
    try {
      run("/bin/mount", ["-o", "noinit_itable", device, directory]);
    } finally {
      // Once it is unmounted.
      run("/sbin/losetup", ["--detach", device]);
    }
    return join(directory, "state");
  }

  /** Removes a `volume` and all that is in it. */
  discardVolume(path: string): void {
    const directory = dirname(path);
    this.#discard(directory);
    rmSync(`${directory}${IMAGE_SUFFIX}`);
  }

  #discard(path: string): void {
    for (const target of mountsBelow(path)) spawnSync("/bin/umount", ["--lazy", target], { stdio: "ignore" });
    if (mountsBelow(path).length > 0) throw new Error(`${path} is kept: something is still mounted below it`);
    rmSync(path, { recursive: true, force: true });
  }

  /** What else is to be undone at the end: called once, whatever happened before. */
  defer(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  remove(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#discard(this.directory);
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

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
