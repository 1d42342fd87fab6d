import { isDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys } from "../storage/key-tree.js";

/**
 * What each tag of a repository named when it was imported. A later run tells by it whether a tag was moved there, and is to
 * follow, or here, and is to stay.
 */
export class ImportedTags {
  #changed = false;

  private constructor(
    private readonly store: ObjectStore,
    private readonly key: string,
    private readonly digests: Map<string, Digest>,
  ) {}

  static async read(store: ObjectStore, repository: string): Promise<ImportedTags> {
    const key = keys.importedTags(repository);
    const digests = new Map<string, Digest>();
    try {
      const entries = Object.entries(JSON.parse((await store.get(key)).toString()) as Record<string, unknown>);
      for (const [tag, digest] of entries) if (typeof digest === "string" && isDigest(digest)) digests.set(tag, digest);
    } catch (error) {
      if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
    }
    return new ImportedTags(store, key, digests);
  }

  get(tag: string): Digest | undefined {
    return this.digests.get(tag);
  }

  set(tag: string, digest: Digest): void {
    if (this.digests.get(tag) === digest) return;
    this.digests.set(tag, digest);
    this.#changed = true;
  }

  async write(): Promise<void> {
    if (this.#changed) await this.store.put(this.key, Buffer.from(JSON.stringify(Object.fromEntries(this.digests))));
  }
}
