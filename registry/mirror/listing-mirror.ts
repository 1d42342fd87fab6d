import type { Digest } from "../../oci/digest.js";
import { algorithmOf, hexOf } from "../../oci/digest.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { BoundedMap } from "../bounded-map.js";
import type { ManifestStore } from "../storage/manifest-store.js";
import type { ReferrerStore } from "../storage/referrer-store.js";
import type { TagStore } from "../storage/tag-store.js";
import type { ManifestMirror } from "./manifest-mirror.js";
import type { MirroredName } from "./mirror-names.js";
import { SingleFlight } from "./single-flight.js";
import { isNotThere, isPassing } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

interface ListingParts {
  readonly tags: TagStore;
  readonly manifests: ManifestStore;
  readonly referrers: ReferrerStore;
  readonly mirror: ManifestMirror;
}

export interface MirroredListing<T> {
  readonly items: readonly T[];
  /** Only what copies are known of, because the upstream could not be asked. */
  readonly isStale: boolean;
}

/** So long are clients that read page after page given those of one list. */
const PAGES_WITHIN_MS = 60_000;
const MAX_PAGED = 16;

/** Lists are the upstream's own, asked for each time; while it fails, of what is here. */
export class ListingMirror {
  readonly #tagLists = new SingleFlight<string[]>();
  /** Else each page would cost all of the upstream's. `at` is of a clock that never jumps. */
  readonly #paged = new BoundedMap<string, { readonly tags: readonly string[]; readonly at: number }>(MAX_PAGED);

  constructor(private readonly parts: ListingParts) {}

  /** In ASCII order. @param isContinued the client has had a page of them. @throws BerthError see upstream-faults.ts */
  async tags(
    { stored, repository, upstream }: MirroredName<Upstream>,
    isContinued: boolean,
  ): Promise<MirroredListing<string>> {
    const paged = isContinued ? this.#paged.get(stored) : undefined;
    if (paged !== undefined && performance.now() - paged.at < PAGES_WITHIN_MS)
      return { items: paged.tags, isStale: false };
    const fresh = this.#tagLists.run(stored, async () => {
      const tags = await upstream.ask("tags", async (client, signal) => await client.listTags(repository, signal));
      const sorted = [...new Set(tags)].sort();
      this.#paged.set(stored, { tags: sorted, at: performance.now() });
      return sorted;
    });
    return await this.#orOwn(fresh, async () => await this.parts.tags.list(stored));
  }

  /** @throws BerthError see upstream-faults.ts */
  async referrers(name: MirroredName<Upstream>, subject: Digest): Promise<MirroredListing<Descriptor>> {
    const { stored, repository, upstream } = name;
    const fresh = upstream.ask("referrers", async (client, signal) => {
      return await client.listReferrers(repository, subject, signal);
    });
    try {
      return await this.#orOwn(fresh, async () => await this.#ownReferrers(stored, subject));
    } catch (error) {
      if (isNotThere(error)) return await this.#taggedReferrers(name, subject);
      throw error;
    }
  }

  /** distribution-spec, "Referrers Tag Schema": how clients do without the referrers API, which we offer to ours. */
  async #taggedReferrers(name: MirroredName<Upstream>, subject: Digest): Promise<MirroredListing<Descriptor>> {
    try {
      const tag = `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;
      const { digest, isStale } = await this.parts.mirror.ensureTag(name, tag);
      const { bytes, mediaType } = await this.parts.manifests.get(name.stored, digest);
      const index = parseManifest(bytes, mediaType);
      return { items: index.kind === "index" ? index.manifests : [], isStale };
    } catch (error) {
      if (isNotThere(error)) return { items: [], isStale: false };
      throw error;
    }
  }

  async #ownReferrers(stored: string, subject: Digest): Promise<Descriptor[]> {
    const all: Descriptor[] = [];
    let after: Digest | undefined;
    do {
      const page = await this.parts.referrers.page(stored, subject, { ...(after !== undefined && { after }) });
      all.push(...page.referrers);
      after = page.next;
    } while (after !== undefined);
    return all;
  }

  async #orOwn<T>(fresh: Promise<T[]>, own: () => Promise<readonly T[]>): Promise<MirroredListing<T>> {
    try {
      return { items: await fresh, isStale: false };
    } catch (error) {
      const items = isPassing(error) ? await own() : [];
      if (items.length === 0) throw error;
      return { items, isStale: true };
    }
  }
}
