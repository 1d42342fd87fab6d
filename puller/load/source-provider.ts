import { buffer } from "node:stream/consumers";

import { algorithmOf, digestOf } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import type { ImageSource } from "../archive/image-source.js";
import type { ImageProvider, ProvidedManifest } from "../install/image-provider.js";

const MAX_CONFIG = 8 * 1024 * 1024;

/** An image of an archive, to be installed. */
export class SourceProvider implements ImageProvider {
  readonly #source: ImageSource;

  constructor(source: ImageSource) {
    this.#source = source;
  }

  root(): Promise<ProvidedManifest> {
    return Promise.resolve(this.#source.root);
  }

  manifest(descriptor: Descriptor): Promise<ProvidedManifest> {
    return this.#source.manifest(descriptor);
  }

  async config(descriptor: Descriptor): Promise<Uint8Array> {
    if (descriptor.size > MAX_CONFIG) throw new BerthError("TOO_LARGE", "the image's config is too long");
    const bytes = await buffer(this.#source.open(descriptor));
    if (digestOf(bytes, algorithmOf(descriptor.digest)) !== descriptor.digest) {
      throw new BerthError("DIGEST_INVALID", `${descriptor.digest} in the archive has another digest`);
    }
    return bytes;
  }

  async pour(layer: Descriptor, write: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void> {
    for await (const chunk of this.#source.open(layer)) {
      if (signal.aborted) return;
      await write(chunk as Uint8Array);
    }
  }
}
