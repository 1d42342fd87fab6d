import { isDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { MediaType } from "../../oci/media-types.js";
import { digestOfKey, keys } from "../storage/key-tree.js";
import { claimsOf, type ManifestRecord } from "../storage/manifest-record.js";
import { eachAtOnce } from "../at-once.js";
import type { Collection } from "./collection.js";
import { keysBelow, readListed, registersBelow, strangeKey } from "./register-scan.js";

const READS_AT_ONCE = 32;

/** What the collector of untagged manifests must know of one that is not gone. */
export interface KnownManifest {
  readonly key: string;
  readonly number: number;
  readonly state: ManifestRecord["state"];
  readonly at: number;
  readonly subject?: Digest;
  /** What it names, where that may be manifests. */
  readonly children: readonly Digest[];
}

/** The manifests and tags of one repository. Taken again, it reads only the manifests that are new. */
export class RepositoryView {
  #manifests = new Map<Digest, KnownManifest>();
  #children = new Set<Digest>();
  #tagged = new Set<Digest>();

  constructor(
    private readonly collection: Collection,
    private readonly repository: string,
    /** Registers that count as gone: a dry run's. */
    private readonly leftOut: ReadonlySet<string>,
  ) {}

  async take(): Promise<void> {
    const before = this.#manifests;
    const [manifests, children] = [new Map<Digest, KnownManifest>(), new Set<Digest>()];
    const all = registersBelow(this.collection.store, `${keys.manifests(this.repository)}/`);
    await eachAtOnce(all, READS_AT_ONCE, async (listed) => {
      this.collection.assertWanted();
      const digest = digestOfKey(listed.key);
      if (digest === undefined) throw strangeKey(listed.key);
      if (this.leftOut.has(listed.key)) return;
      const known = before.get(digest);
      const manifest = known?.number === listed.number ? known : await this.#read(listed);
      if (manifest === undefined) return;
      manifests.set(digest, manifest);
      for (const child of manifest.children) children.add(child);
    });
    this.#tagged = await this.#tags();
    this.#manifests = manifests;
    this.#children = children;
  }

  /** A tag names it, or a manifest that is there names it, or it refers to one that is there. */
  isNeeded(digest: Digest, subject: Digest | undefined): boolean {
    return (
      this.#tagged.has(digest) || this.#children.has(digest) || (subject !== undefined && this.#manifests.has(subject))
    );
  }

  /** Those that nothing needs and that have been there for so long, or were condemned before. */
  unneeded(graceMs: number): KnownManifest[] {
    const found = [...this.#manifests].filter(([digest, { state, at, subject }]) => {
      const isRipe = state === "condemned" || (state === "live" && this.collection.isOld(at, graceMs));
      return isRipe && !this.isNeeded(digest, subject);
    });
    return found.map(([, manifest]) => manifest);
  }

  async #read(listed: { readonly key: string; readonly number: number }): Promise<KnownManifest | undefined> {
    const entry = await readListed<ManifestRecord>(this.collection.store, listed);
    if (entry === undefined || claimsOf(entry.value).length === 0) return undefined;
    const { state, at, subject, mediaType, refs } = entry.value;
    const isImage = mediaType === MediaType.ociManifest || mediaType === MediaType.dockerManifest;
    const known = { key: listed.key, number: entry.number, state, at, children: isImage ? [] : refs };
    return { ...known, ...(subject !== undefined && { subject }) };
  }

  async #tags(): Promise<Set<Digest>> {
    const { store } = this.collection;
    const tagged = new Set<Digest>();
    await eachAtOnce(keysBelow(store, `${keys.tags(this.repository)}/`), READS_AT_ONCE, async (key) => {
      try {
        const digest = (await store.get(key)).toString();
        if (isDigest(digest)) tagged.add(digest);
      } catch (error) {
        if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
      }
    });
    return tagged;
  }
}
