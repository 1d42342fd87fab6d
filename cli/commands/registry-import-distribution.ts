import { isAbsolute, relative, resolve } from "node:path";
import process from "node:process";

import { BerthError } from "../../oci/errors.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { importDistribution } from "../../registry/migration/import-distribution.js";
import type { CommandHost } from "../command.js";
import { openRegistryStore } from "./registry-store.js";

export interface ImportFlags {
  readonly root?: string;
  readonly config?: string;
}

/**
 * One line on standard output for each finding, the sum on standard error. Exit code 1 when something of distribution's
 * cannot be served here.
 * @param directory distribution's root directory; in a bucket, its `rootdirectory`, or absent for the bucket's top
 */
export async function importFrom(directory: string | undefined, flags: ImportFlags, host: CommandHost): Promise<void> {
  const { config: file, root = file === undefined ? directory : undefined } = flags;
  const config = loadConfig({
    ...(file !== undefined && { file }),
    env: process.env,
    flags: root === undefined ? {} : { root: resolve(root) },
  });
  const below = config.storage.s3 === undefined ? (config.storage.filesystem?.root ?? config.root) : undefined;
  const prefix = below === undefined ? keyPrefix(directory ?? "") : prefixBelow(resolve(below), directory);
  const store = await openRegistryStore(config, host.context());
  try {
    const summary = await importDistribution(store, {
      prefix,
      onFinding: ({ repository, what, why }) => process.stdout.write(`${repository} ${what} ${why}\n`),
    });
    const { repositories, blobs, manifests, tags } = summary;
    process.stderr.write(
      `${String(repositories)} repositories; imported ${String(blobs)} links to blobs, ${String(manifests)} manifests, ` +
        `${String(tags)} tags\n`,
    );
    if (summary.lost > 0) host.exit(1);
  } finally {
    await store.close();
  }
}

function keyPrefix(directory: string): string {
  const trimmed = directory.replace(/^\/+|\/+$/g, "");
  return trimmed === "" ? "" : `${trimmed}/`;
}

function prefixBelow(root: string, directory: string | undefined): string {
  const way = directory === undefined ? "" : relative(root, resolve(directory));
  if (way.startsWith("..") || isAbsolute(way)) {
    const why = "blobs are adopted where they lie, not copied, so the registry must be at or above that directory";
    throw new BerthError("USAGE", `${directory ?? ""} is not below ${root}: ${why}`);
  }
  return keyPrefix(way);
}
