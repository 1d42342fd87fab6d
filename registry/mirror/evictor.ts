import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { liveManifests } from "../policy/manifest-listing.js";
import { RepositoryUsage } from "../policy/repository-usage.js";
import type { BlobStore } from "../storage/blob-store.js";
import { keys, repositoryOfPrefix } from "../storage/key-tree.js";
import type { ManifestStore } from "../storage/manifest-store.js";
import type { TagStore } from "../storage/tag-store.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { isCopyName } from "./copy-name.js";
import { planEviction, type CopiedManifest, type EvictionLimits } from "./eviction-plan.js";
import type { MirrorCounts } from "./mirror-counts.js";
import type { PullLedger } from "./pull-ledger.js";

interface EvictorParts {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly ledger: PullLedger;
  readonly log: Logger;
  readonly counts: MirrorCounts;
}

/**
 * Deletes copies that are no longer wanted, as a client would delete manifests and blobs; the garbage collector then frees
 * the bytes. What was pushed has other names and is never touched. Two processes that do it at a time do no harm.
 */
export class Evictor {
  constructor(
    private readonly parts: EvictorParts,
    private readonly limits: EvictionLimits,
  ) {}

  /** @returns how many manifests went */
  async run(): Promise<number> {
    const { ledger, log, counts } = this.parts;
    await ledger.flush();
    const copies = await this.#copies();
    let evicted = 0;
    const gone = new Set<CopiedManifest>();
    for (const copy of planEviction(copies, this.limits, Date.now())) {
      // Pulled again since it was counted.
      if (ledger.seen(copy.stored, copy.digest) > copy.pulledAt) continue;
      await this.#evictManifest(copy);
      gone.add(copy);
      evicted++;
    }
    const kept = copies.filter((copy) => !gone.has(copy));
    await this.#evictBlobs([...gone], kept);
    counts.held = { bytes: sizeOf(kept), manifests: kept.length };
    counts.evicted.manifests += evicted;
    counts.evicted.bytes += sizeOf(copies) - sizeOf(kept);
    if (evicted > 0) log.info({ evicted, of: copies.length }, "copies of upstreams' images evicted");
    return evicted;
  }

  async #copies(): Promise<CopiedManifest[]> {
    const { store, ledger } = this.parts;
    const usage = new RepositoryUsage(store);
    const prefixes = await listAllPrefixes(store, `${keys.manifestRegisters}/`);
    const copies: CopiedManifest[] = [];
    for (const stored of prefixes.map(repositoryOfPrefix).filter(isCopyName)) {
      const present = await usage.blobsOf(stored, { fresh: true });
      const pulls = await ledger.lastPulls(stored);
      for (const [digest, { refs, size, at }] of await liveManifests(store, stored)) {
        const blobs = new Map<Digest, number>();
        for (const ref of refs) {
          const blobSize = present.get(ref);
          if (blobSize !== undefined) blobs.set(ref, blobSize);
        }
        copies.push({ stored, digest, size, blobs, pulledAt: Math.max(at, pulls.get(digest) ?? 0) });
      }
    }
    return copies;
  }

  async #evictManifest({ stored, digest }: CopiedManifest): Promise<void> {
    const { manifests, tags, ledger } = this.parts;
    await tags.deleteAllOf(stored, digest);
    await unlessGone(manifests.delete(stored, digest));
    await ledger.forget(stored, digest);
  }

  async #evictBlobs(gone: readonly CopiedManifest[], kept: readonly CopiedManifest[]): Promise<void> {
    const needed = new Set(
      kept.flatMap(({ stored, blobs }) => [...blobs.keys()].map((digest) => `${stored}@${digest}`)),
    );
    for (const { stored, blobs } of gone) {
      for (const digest of blobs.keys()) {
        if (!needed.has(`${stored}@${digest}`)) await unlessGone(this.parts.blobs.unlink(stored, digest));
      }
    }
  }
}

/** Each blob counted once. */
function sizeOf(copies: readonly CopiedManifest[]): number {
  const blobs = new Map(copies.flatMap((copy) => [...copy.blobs]));
  const sizes = [...copies.map(({ size }) => size), ...blobs.values()];
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function unlessGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isBerthError(error, "MANIFEST_UNKNOWN", "BLOB_UNKNOWN")) throw error;
  }
}
