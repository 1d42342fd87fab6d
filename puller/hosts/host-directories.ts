import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { errnoOf } from "../../oci/errors.js";
import type { Mistakes } from "./mistakes.js";

const DEFAULT_ROOTS = ["/etc/berth/certs.d", "/etc/containerd/certs.d", "/etc/docker/certs.d"];

/** $BERTH_CERTS_D, separated by colons; berth's own, containerd's and Docker's otherwise. The first wins. */
export function certificateRoots(environment: NodeJS.ProcessEnv): readonly string[] {
  return environment["BERTH_CERTS_D"]?.split(":").filter(Boolean) ?? DEFAULT_ROOTS;
}

/** Directories of a registry that are there. Containerd writes `host_5000_` where a colon cannot be, Docker `host:5000`. */
export function directoriesOf(roots: readonly string[], registry: string): string[] {
  const names = [registry.replace(/:(\d+)$/, "_$1_"), registry];
  return roots.flatMap((root) => [...new Set(names)].map((name) => join(root, name))).filter(isDirectory);
}

/** The hosts.toml for a registry: its own, or that of `_default`. */
export function findHostsToml(
  roots: readonly string[],
  registry: string,
  mistakes: Mistakes,
): { readonly directory: string; readonly file: string; readonly text: string } | undefined {
  for (const directory of [...directoriesOf(roots, registry), ...directoriesOf(roots, "_default")]) {
    const file = join(directory, "hosts.toml");
    const text = readSettings(file, mistakes);
    if (text !== undefined) return { directory, file, text };
  }
  return undefined;
}

/** undefined when the file is not there, unless it has to be, or cannot be read, which are mistakes. */
export function readSettings(file: string, mistakes: Mistakes, required = false): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (required || (code !== "ENOENT" && code !== "ENOTDIR"))
      mistakes.add(file, "", `cannot be read: ${code ?? String(error)}`);
    return undefined;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
