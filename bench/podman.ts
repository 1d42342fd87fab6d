import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import type { Command } from "./timed-command.js";

/** podman with storage, configuration and run state of its own below `directory`, native overlay and crun. */
export class Podman {
  static readonly PROGRAMS = ["/usr/bin/podman", "/usr/bin/crun", "/usr/bin/conmon"];
  readonly #env: Record<string, string>;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    const containers = join(directory, "containers.conf");
    const storage = join(directory, "storage.conf");
    const registries = join(directory, "registries.conf");
    // Hosts without CAP_SYS_RESOURCE cannot raise limits to podman's defaults. No systemd is asked for cgroups.
    writeFileSync(
      containers,
      `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
tmp_dir = "${join(directory, "tmp")}"
[network]
network_config_dir = "${join(directory, "networks")}"
`,
    );
    writeFileSync(
      storage,
      `[storage]
driver = "overlay"
graphroot = "${join(directory, "storage")}"
runroot = "${join(directory, "run")}"
`,
    );
    writeFileSync(registries, "unqualified-search-registries = []\n");
    writePolicy(join(directory, "policy.json"));
    this.#env = {
      CONTAINERS_CONF: containers,
      CONTAINERS_STORAGE_CONF: storage,
      CONTAINERS_REGISTRIES_CONF: registries,
    };
    this.#cgroup = `berth-bench-${basename(directory)}-${process.pid}`;
    this.#policy = join(directory, "policy.json");
  }

  readonly #policy: string;
  readonly #cgroup: string;

  pull(reference: string): Command {
    const options = ["--quiet", "--tls-verify=false", "--signature-policy", this.#policy];
    return { program: "/usr/bin/podman", args: ["pull", ...options, reference], env: this.#env };
  }

  /** To be called when no container runs any more. */
  removeCgroup(): void {
    removeCgroup(this.#cgroup);
  }

  run(reference: string, command: readonly string[]): Command {
    const options = ["--rm", "--network", "none", "--pull", "never", "--cgroup-parent", `/${this.#cgroup}`];
    return { program: "/usr/bin/podman", args: ["run", ...options, reference, ...command], env: this.#env };
  }
}

/** Removes `cgroup`, and what is below it, from every hierarchy; podman leaves its parent and its monitors' cgroup. */
function removeCgroup(cgroup: string): void {
  for (const place of cgroupHierarchies()) {
    if (existsSync(join(place, cgroup))) removeTree(join(place, cgroup));
  }
}

/** Mount points of type cgroup and cgroup2. */
function cgroupHierarchies(): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup" || type === "cgroup2")
    .map(([, target = ""]) => target);
}

function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  rmdirSync(directory);
}

/** A containers-policy.json(5) that accepts unsigned images. */
export function writePolicy(path: string): void {
  writeFileSync(path, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
}
