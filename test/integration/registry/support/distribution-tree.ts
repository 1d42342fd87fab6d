import type { Digest } from "../../../../oci/digest.js";
import type { ObjectStore } from "../../../../storage/object-store.js";
import type { ContentBundle } from "../../../conformance/registry/content-bundle.js";

/** Writes what distribution keeps, as it lays it out. */
export class DistributionTree {
  readonly #root: string;

  constructor(
    private readonly store: ObjectStore,
    prefix = "",
  ) {
    this.#root = `${prefix}docker/registry/v2`;
  }

  async add(name: string, { blobs, manifests, tags }: ContentBundle): Promise<void> {
    for (const { digest, bytes } of [...blobs, ...manifests]) await this.store.put(this.dataOf(digest), bytes);
    for (const { digest } of blobs) await this.#link(name, `_layers/${digest.replace(":", "/")}`, digest);
    for (const { digest } of manifests)
      await this.#link(name, `_manifests/revisions/${digest.replace(":", "/")}`, digest);
    for (const [tag, digest] of tags) await this.tag(name, tag, digest);
  }

  async tag(name: string, tag: string, digest: Digest): Promise<void> {
    await this.#link(name, `_manifests/tags/${tag}/current`, digest);
  }

  dataOf(digest: Digest): string {
    const hex = digest.slice("sha256:".length);
    return `${this.#root}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  }

  async #link(name: string, path: string, digest: Digest): Promise<void> {
    await this.store.put(`${this.#root}/repositories/${name}/${path}/link`, Buffer.from(digest));
  }
}
