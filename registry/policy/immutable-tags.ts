import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { Refusal } from "../http/refusal.js";
import type { ManifestStore } from "../storage/manifest-store.js";
import type { TagStore } from "../storage/tag-store.js";
import type { Policies } from "./policies.js";
import { reachableFrom } from "./reachable.js";

/** What tags that a policy makes immutable forbid: naming something else, being deleted, and losing what they are made of. */
export class ImmutableTags {
  constructor(
    private readonly policies: Policies,
    private readonly tags: TagStore,
    private readonly manifests: ManifestStore,
  ) {}

  /** Gives the tag to the manifest; of an immutable tag only the first giver wins. @throws BerthError CONFLICT */
  async put(repository: string, tag: string, digest: Digest): Promise<void> {
    if (!this.policies.isImmutable(repository, tag)) await this.tags.put(repository, tag, digest);
    else if (!(await this.tags.create(repository, tag, digest))) throw immutable(repository, tag);
  }

  /** Before anything is stored that could not be tagged. @throws BerthError CONFLICT */
  async assertMayName(repository: string, tag: string, digest: Digest): Promise<void> {
    if (!this.policies.isImmutable(repository, tag)) return;
    const named = await this.#named(repository, tag);
    if (named !== undefined && named !== digest) throw immutable(repository, tag);
  }

  /** @throws BerthError CONFLICT */
  assertDeletable(repository: string, tag: string): void {
    if (this.policies.isImmutable(repository, tag)) throw immutable(repository, tag);
  }

  /** @throws BerthError CONFLICT when an immutable tag names the manifest or blob, or something that is made of it */
  async assertUnneeded(repository: string, digest: Digest): Promise<void> {
    if (this.policies.of(repository).immutableTags.length === 0) return;
    for (const tag of await this.tags.list(repository)) {
      if (!this.policies.isImmutable(repository, tag)) continue;
      const named = await this.#named(repository, tag);
      if (named === undefined) continue;
      if ((await reachableFrom(this.manifests, repository, [named])).has(digest)) throw immutable(repository, tag);
    }
  }

  async #named(repository: string, tag: string): Promise<Digest | undefined> {
    try {
      return await this.tags.resolve(repository, tag);
    } catch (error) {
      if (isBerthError(error, "MANIFEST_UNKNOWN")) return undefined;
      throw error;
    }
  }
}

function immutable(repository: string, tag: string): Refusal {
  return new Refusal(
    "CONFLICT",
    "immutable_tag",
    `the tag ${tag} is immutable: a policy of this registry lets nobody change or delete it`,
    {
      details: { name: repository, tag },
    },
  );
}
