import { join } from "node:path";
import { mkdirSync } from "node:fs";

import { BERTH_COMMAND, type Contender } from "./contenders.js";
import { BERTH } from "./figure.js";
import { Podman, writePolicy } from "./podman.js";
import type { Command } from "./timed-command.js";

/** A way to get an image from a registry to an unpacked root file system. */
export interface Puller extends Contender {
  /** What a user would type, for an empty store in `directory`, which does not exist yet; untimed until it runs. */
  commands(reference: string, directory: string): readonly Command[];
}

export const PULLERS: readonly Puller[] = [
  {
    name: BERTH,
    programs: [BERTH_COMMAND[1] ?? ""],
    commands: (reference, directory) => [berthCommand(directory, ["pull", reference])],
  },
  {
    name: "podman",
    programs: Podman.PROGRAMS,
    commands: (reference, directory) => [new Podman(directory).pull(reference)],
  },
  {
    name: "skopeo+umoci",
    programs: ["/usr/bin/skopeo", "/usr/bin/umoci"],
    commands: (reference, directory) => {
      mkdirSync(directory);
      const policy = join(directory, "policy.json");
      writePolicy(policy);
      const layout = `${join(directory, "layout")}:image`;
      const copy = [
        "copy",
        "--quiet",
        "--policy",
        policy,
        "--src-tls-verify=false",
        `docker://${reference}`,
        `oci:${layout}`,
      ];
      return [
        { program: "/usr/bin/skopeo", args: copy },
        { program: "/usr/bin/umoci", args: ["unpack", "--image", layout, join(directory, "bundle")] },
      ];
    },
  },
];

/** berth with all of its state below `directory`. */
export function berthCommand(directory: string, args: readonly string[]): Command {
  const [program = "", ...rest] = BERTH_COMMAND;
  return {
    program,
    args: [...rest, "--root", join(directory, "root"), ...args],
    env: { BERTH_RUN: join(directory, "run") },
  };
}
