import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { BerthHost, mountsBelow } from "./berth-host.js";
import { importBusybox } from "./lesson-images.js";
import { inTheEnd } from "./wait-until.js";

/** Docker's fourteen; without MKNOD where the kernel's devices controller is not on v1 (docs/decisions/0003). */
export const DEFAULT_CAPABILITIES = existsSync("/sys/fs/cgroup/devices") ? "00000000a80425fb" : "00000000a00425fb";

/** A host with a busybox image, where what is left of containers can be counted. */
export class EngineHost extends BerthHost {
  static async withBusybox(): Promise<EngineHost> {
    const host = new EngineHost();
    await importBusybox(host, "busybox");
    return host;
  }

  /** `run -d` and then nothing but the ID. */
  detached(...args: readonly string[]): string {
    return this.run("run", "-d", ...args);
  }

  /** What containers have left: directories, mounts, cgroups, sockets, processes. Empty when all were removed. */
  leftovers(): string[] {
    const below = (directory: string): string[] => {
      try {
        return readdirSync(directory).map((name) => join(directory, name));
      } catch (error) {
        // A container that removes itself may have done so at this moment.
        if (existsSync(directory)) throw error;
        return [];
      }
    };
    const overlay = below(join(this.root, "overlay2")).filter((path) => /[0-9a-f]{64}(?:-init)?$/.test(path));
    const layers = new Set(this.imageLayers());
    return [
      ...overlay.filter((path) => !layers.has(path)),
      ...below(join(this.root, "containers")),
      ...below(join(this.root, "names")),
      ...below(join(this.root, "unfinished")),
      ...below(join(this.directory, "run", "containers")),
      ...below(join(this.directory, "run", "s")),
      ...mountsBelow(this.directory),
      ...shimsOf(this.directory),
    ];
  }

  /** The same once processes that remove containers by themselves have had their time. */
  async leftoversInTheEnd(): Promise<string[]> {
    return await inTheEnd(() => this.leftovers());
  }

  private imageLayers(): string[] {
    const records = join(this.root, "image/overlay2/layerdb/sha256");
    return readdirSync(records).map((chain) =>
      join(this.root, "overlay2", readFileSync(join(records, chain, "cache-id"), "utf8").trim()),
    );
  }
}

/** Processes whose descriptors or arguments name the directory. */
function shimsOf(directory: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => namesDirectory(pid, directory))
    .map((pid) => `process ${pid}`);
}

function namesDirectory(pid: string, directory: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(directory);
  } catch {
    return false;
  }
}
