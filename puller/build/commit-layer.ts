import type { Digest } from "../../oci/digest.js";
import type { ContainerDefaults } from "../../oci/image-config.js";
import type { Reference } from "../../oci/reference.js";
import { packLayer } from "../../runtime-native/index.js";
import type { Image } from "../store/local-store-contract.js";
import { buildImage } from "./built-image.js";
import { applyChange } from "./config-change.js";

export interface CommitOptions {
  /** The image that the container was made from. */
  readonly base: Image;
  /** The container's upper directory, in overlay form. Nothing may write to it meanwhile. */
  readonly upper: string;
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
    writeLayer: async (file) => {
      await packLayer({ source: upper, output: file, compression: "gzip", level: 0, overlayWhiteouts: true }, signal);
    },
    ...(signal !== undefined && { signal }),
    ...(reference !== undefined && { reference }),
    what: "failed to commit the container",
  });
}
