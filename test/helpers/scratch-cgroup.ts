import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { CgroupPlan } from "../../runtime-native/index.js";

const PARENT = "berth-test";

interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** A container's cgroup in every hierarchy of this host, v1, v2 or both, as the engine would make it. */
export class ScratchCgroup {
  readonly #hierarchies: readonly { readonly directory: string; readonly hierarchy: Hierarchy }[];

  constructor(id: string) {
    this.#hierarchies = hierarchies().map((hierarchy) => {
      const directory = join(hierarchy.path, PARENT, id);
      if (hierarchy.version === 2) makeVersion2(hierarchy, directory);
      else makeVersion1(hierarchy, directory);
      return { directory, hierarchy };
    });
  }

  get plan(): CgroupPlan {
    const version1 = this.#hierarchies.filter(({ hierarchy }) => hierarchy.version === 1);
    const unified = this.#hierarchies.find(({ hierarchy }) => hierarchy.version === 2);
    const memory = version1.find(({ hierarchy }) => hierarchy.controllers.includes("memory"));
    const oomFile =
      memory !== undefined
        ? join(memory.directory, "memory.oom_control")
        : unified && join(unified.directory, "memory.events");
    return {
      procsFiles: version1.map(({ directory }) => join(directory, "tasks")),
      ...(unified && { unifiedDirectory: unified.directory }),
      ...(oomFile !== undefined && { oomFile }),
      directories: this.#hierarchies.map(({ directory }) => directory),
    };
  }

  /** Sets a limit in bytes of memory, no swap. */
  limitMemory(bytes: number): void {
    for (const { directory, hierarchy } of this.#hierarchies) {
      if (!hierarchy.controllers.includes("memory")) continue;
      if (hierarchy.version === 2) {
        writeFileSync(join(directory, "memory.max"), String(bytes));
        if (existsSync(join(directory, "memory.swap.max"))) writeFileSync(join(directory, "memory.swap.max"), "0");
      } else {
        writeFileSync(join(directory, "memory.limit_in_bytes"), String(bytes));
      }
    }
  }

  /** Host pids in the cgroup, by directory. */
  members(): number[][] {
    return this.#hierarchies.map(({ directory }) =>
      readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number),
    );
  }

  left(): string[] {
    return this.#hierarchies.map(({ directory }) => directory).filter((directory) => existsSync(directory));
  }

  remove(): void {
    for (const directory of this.left()) {
      try {
        rmdirSync(directory);
      } catch (error) {
        // Its shim was quicker.
        if (existsSync(directory)) throw error;
      }
    }
  }
}

function hierarchies(): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const path = before.split(" ")[4] ?? "";
    const [type, , options = ""] = after.split(" ");
    if (type === "cgroup2") found.push({ path, version: 2, controllers: controllersOf(path) });
    if (type === "cgroup") found.push({ path, version: 1, controllers: options.split(",") });
  }
  return found;
}

function controllersOf(path: string): string[] {
  return readFileSync(join(path, "cgroup.controllers"), "utf8").trim().split(" ").filter(Boolean);
}

function makeVersion1({ path, controllers }: Hierarchy, directory: string): void {
  mkdirSync(directory, { recursive: true });
  if (!controllers.includes("cpuset")) return;
  for (const child of [join(path, PARENT), directory]) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      writeFileSync(join(child, file), readFileSync(join(child, "..", file)));
    }
  }
}

function makeVersion2({ path, controllers }: Hierarchy, directory: string): void {
  mkdirSync(join(path, PARENT), { recursive: true });
  for (const name of controllers) {
    for (const parent of [path, join(path, PARENT)]) writeFileSync(join(parent, "cgroup.subtree_control"), `+${name}`);
  }
  mkdirSync(directory);
}
