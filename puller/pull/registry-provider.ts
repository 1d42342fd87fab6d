import type { Digest } from "../../oci/digest.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { familiarName, type Reference } from "../../oci/reference.js";
import type { ImageProvider, ProvidedManifest } from "../install/image-provider.js";
import type { ContentStore } from "../store/local-store-contract.js";
import type { RegistryWithMirrors } from "./registry-with-mirrors.js";

/** An image in a registry. What the content store has is not asked for again. */
export class RegistryProvider implements ImageProvider {
  readonly repository: string;
  readonly #registry: RegistryWithMirrors;
  readonly #content: ContentStore;
  readonly #reference: Reference;
  readonly #signal: AbortSignal | undefined;

  constructor(
    registry: RegistryWithMirrors,
    content: ContentStore,
    reference: Reference,
    signal: AbortSignal | undefined,
  ) {
    this.repository = familiarName(reference);
    this.#registry = registry;
    this.#content = content;
    this.#reference = reference;
    this.#signal = signal;
  }

  /** The tag first, then everything by digest: what is verified is what was pointed to. */
  async root(): Promise<ProvidedManifest> {
    const { repository, tag = "latest", digest } = this.#reference;
    if (digest !== undefined) return this.#manifest(digest);
    return this.#registry.resolve(repository, tag, (known) => this.#stored(known), this.#signal);
  }

  manifest(descriptor: Descriptor): Promise<ProvidedManifest> {
    return this.#manifest(descriptor.digest);
  }

  async config(descriptor: Descriptor): Promise<Uint8Array> {
    if (this.#content.has(descriptor.digest)) return this.#content.read(descriptor.digest);
    return this.#registry.blob(this.#reference.repository, descriptor, this.#signal);
  }

  pour(layer: Descriptor, write: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void> {
    return this.#registry.pour(this.#reference.repository, layer, write, signal);
  }

  blame(layer: Descriptor): boolean {
    return this.#registry.blame(layer.digest);
  }

  async #manifest(digest: Digest): Promise<ProvidedManifest> {
    return this.#stored(digest) ?? this.#registry.manifest(this.#reference.repository, digest, this.#signal);
  }

  #stored(digest: Digest): ProvidedManifest | undefined {
    if (!this.#content.has(digest)) return undefined;
    const bytes = this.#content.read(digest);
    return { bytes, digest, mediaType: parseManifest(bytes).mediaType };
  }
}
