import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file system of so many KiB, for what happens when it is full. Needs root, as the whole suite does. */
export class SmallDisk {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-small-disk-"));

  constructor(kib: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${String(kib)}k`, "berth-test", this.directory]);
  }

  remove(): void {
    execFileSync("umount", [this.directory]);
    rmSync(this.directory, { recursive: true });
  }
}
