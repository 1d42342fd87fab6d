import { rmSync } from "node:fs";

import type { Digest } from "../../oci/digest.js";
import type { ContainerDefaults } from "../../oci/image-config.js";
import type { Reference } from "../../oci/reference.js";
import { packLayer } from "../../runtime-native/index.js";
import type { Image } from "../store/local-store-contract.js";
import { buildImage } from "./built-image.js";
import { applyChange } from "./config-change.js";
import { LAYER_LEVEL, layerFileFrom } from "./layer-file.js";

export interface CommitOptions {
  /** The image that the container was made from. */
  readonly base: Image;
  /** The container's upper directory, in overlay form. */
  readonly upper: string;
  /** Holds those still who write to `upper`, while the work is done that it is given; absent when nobody does. */
  readonly whileStill?: (work: () => Promise<void>) => Promise<void>;
  /** What containers of the new image start with. */
  readonly config: ContainerDefaults;
  /** Dockerfile instructions on top of `config`. */
  readonly changes?: readonly string[];
  readonly author?: string;
  readonly message?: string;
  /** For the history: the container's command. */
  readonly createdBy: string;
  readonly reference?: Reference;
  readonly signal?: AbortSignal;
}

/**
 * Makes an image whose layers are those of `base` and one more with what a container has changed.
 * @returns its ID
 * @throws BerthError USAGE, NO_SPACE; the reason of `signal`
 */
export async function commitLayer(root: string, options: CommitOptions): Promise<Digest> {
  const { base, upper, author, message, createdBy, reference, signal } = options;
  const { rootfs: _, author: _base, ...inherited } = base.config;
  const created = new Date().toISOString();
  return buildImage(root, {
    base,
    config: {
      ...inherited,
      created,
      ...(author !== undefined && { author }),
      config: (options.changes ?? []).reduce(applyChange, options.config),
      history: [
        ...(inherited.history ?? []),
        {
          created,
          created_by: createdBy,
          ...(author !== undefined && { author }),
          ...(message !== undefined && { comment: message }),
        },
      ],
    },
    writeLayer: (file) => packUpper(upper, file, options.whileStill, signal),
    ...(signal !== undefined && { signal }),
    ...(reference !== undefined && { reference }),
    what: "failed to commit the container",
  });
}

/** A container that has to stand still does so only as long as its files are copied; compressing takes ten times as long. */
async function packUpper(
  source: string,
  output: string,
  whileStill: CommitOptions["whileStill"],
  signal: AbortSignal | undefined,
): Promise<void> {
  const pack = async (file: string, compression: "gzip" | "none"): Promise<void> => {
    await packLayer({ source, output: file, compression, level: LAYER_LEVEL, overlayWhiteouts: true }, signal);
  };
  if (whileStill === undefined) return pack(output, "gzip");
  const tar = `${output}.tar`;
  await whileStill(() => pack(tar, "none"));
  await layerFileFrom(tar, output, signal);
  rmSync(tar);
}
