import { isDigest } from "../../oci/digest.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { familiarName, type Reference } from "../../oci/reference.js";
import type { RegistryClient } from "../client/index.js";
import type { ImageProvider, ProvidedManifest } from "../install/image-provider.js";
import type { ContentStore } from "../store/local-store-contract.js";

/** An image in a registry. What the content store has is not asked for again. */
export class RegistryProvider implements ImageProvider {
  readonly repository: string;
  readonly #client: RegistryClient;
  readonly #content: ContentStore;
  readonly #reference: Reference;
  readonly #signal: AbortSignal | undefined;

  constructor(client: RegistryClient, content: ContentStore, reference: Reference, signal: AbortSignal | undefined) {
    this.repository = familiarName(reference);
    this.#client = client;
    this.#content = content;
    this.#reference = reference;
    this.#signal = signal;
  }

  async root(): Promise<ProvidedManifest> {
    const { repository, tag = "latest", digest } = this.#reference;
    const wanted = digest ?? (await this.#client.headManifest(repository, tag, this.#signal)) ?? tag;
    // The tag first, then everything by digest: what is verified is what was pointed to.
    return this.#manifest(wanted);
  }

  manifest(descriptor: Descriptor): Promise<ProvidedManifest> {
    return this.#manifest(descriptor.digest);
  }

  async config(descriptor: Descriptor): Promise<Uint8Array> {
    if (this.#content.has(descriptor.digest)) return this.#content.read(descriptor.digest);
    return this.#client.getBlob(this.#reference.repository, descriptor, this.#signal);
  }

  pour(layer: Descriptor, write: (chunk: Uint8Array) => Promise<void>, signal: AbortSignal): Promise<void> {
    return this.#client.downloadBlob(this.#reference.repository, layer, { write }, signal);
  }

  async #manifest(reference: string): Promise<ProvidedManifest> {
    if (isDigest(reference) && this.#content.has(reference)) {
      const bytes = this.#content.read(reference);
      return { bytes, digest: reference, mediaType: parseManifest(bytes).mediaType };
    }
    return this.#client.getManifest(this.#reference.repository, reference, this.#signal);
  }
}
