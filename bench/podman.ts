import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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
    this.#policy = join(directory, "policy.json");
  }

  readonly #policy: string;

  pull(reference: string): Command {
    const options = ["--quiet", "--tls-verify=false", "--signature-policy", this.#policy];
    return { program: "/usr/bin/podman", args: ["pull", ...options, reference], env: this.#env };
  }

  run(reference: string, command: readonly string[]): Command {
    const options = ["--rm", "--network", "none", "--pull", "never"];
    return { program: "/usr/bin/podman", args: ["run", ...options, reference, ...command], env: this.#env };
  }
}

/** A containers-policy.json(5) that accepts unsigned images. */
export function writePolicy(path: string): void {
  writeFileSync(path, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
}
