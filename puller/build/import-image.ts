import { statSync } from "node:fs";

import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { ContainerDefaults } from "../../oci/image-config.js";
import { hostPlatform, type Platform } from "../../oci/platform.js";
import type { Reference } from "../../oci/reference.js";
import { packLayer, type UnpackLimits } from "../../runtime-native/index.js";
import { buildImage } from "./built-image.js";
import { applyChange } from "./config-change.js";
import { layerFileFrom } from "./layer-file.js";

export interface ImportOptions {
  /** A root filesystem: a directory, a tar (plain, gzip or zstd), or `-` for a tar on standard input. */
  readonly source: string;
  readonly reference?: Reference;
  /** Dockerfile instructions. */
  readonly changes?: readonly string[];
  readonly message?: string;
  readonly platform?: Platform;
  readonly limits?: Partial<UnpackLimits>;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image of one layer from a root filesystem.
 * @returns its ID
 * @throws BerthError USAGE, LAYER_INVALID, TOO_LARGE, NO_SPACE, ARCHIVE_INVALID when there is no such file
 */
export async function importImage(root: string, options: ImportOptions): Promise<Digest> {
  const { source, reference, limits, signal, platform = hostPlatform() } = options;
  const defaults = (options.changes ?? []).reduce<ContainerDefaults>(applyChange, {});
  const stat = source === "-" ? undefined : statSync(source, { throwIfNoEntry: false });
  if (source !== "-" && stat === undefined) {
    throw new BerthError("ARCHIVE_INVALID", `${source}: no such file or directory`);
  }
  const created = new Date().toISOString();
  return buildImage(root, {
    config: {
      created,
      ...platform,
      config: defaults,
      history: [{ created, comment: options.message ?? `Imported from ${source}` }],
    },
    writeLayer: async (file) => {
      if (stat?.isDirectory() !== true) await layerFileFrom(source, file, signal);
      else await packLayer({ source, output: file, compression: "gzip", level: 0, overlayWhiteouts: false }, signal);
    },
    ...(reference !== undefined && { reference }),
    ...(limits !== undefined && { limits }),
    ...(signal !== undefined && { signal }),
    what: `failed to import ${source}`,
  });
}
