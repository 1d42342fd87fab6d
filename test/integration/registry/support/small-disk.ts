import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of so many KiB, for what happens when it is full. Needs root, as the whole suite does. */
export class SmallDisk {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-small-disk-"));

  #isMounted = true;

  constructor(kib: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${String(kib)}k`, "berth-test", this.directory]);
  }

  unmount(): void {
    execFileSync("umount", [this.directory]);
    this.#isMounted = false;
  }

  remove(): void {
    if (this.#isMounted) this.unmount();
    rmSync(this.directory, { recursive: true });
  }
}
