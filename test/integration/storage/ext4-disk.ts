import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An ext4 file system in a file, as disks have them: what the machine's own temporary directory lies on is not known. */
export class Ext4Disk {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-ext4-"));
  readonly #image = `${this.directory}.image`;

  constructor(mib: number) {
    writeFileSync(this.#image, "");
    truncateSync(this.#image, mib * 1024 ** 2);
    execFileSync("/sbin/mkfs.ext4", ["-q", "-F", this.#image]);
    execFileSync("mount", ["-o", "loop", this.#image, this.directory]);
  }

  remove(): void {
    execFileSync("umount", [this.directory]);
    rmSync(this.directory, { recursive: true });
    rmSync(this.#image);
  }
}

/** Bytes of the file that the page cache holds. */
export function cachedBytesOf(path: string): number {
  return Number(execFileSync("fincore", ["--bytes", "--noheadings", "--output", "RES", path], { encoding: "utf8" }));
}
