import type { Digest } from "../../oci/digest.js";

/** A manifest of a copy. */
export interface CopiedManifest {
  readonly stored: string;
  readonly digest: Digest;
  /** Of the manifest itself. */
  readonly size: number;
  /** Blobs that it names and that are here, with their sizes. */
  readonly blobs: ReadonlyMap<Digest, number>;
  readonly pulledAt: number;
}

export interface EvictionLimits {
  readonly maxSize?: number | undefined;
  readonly maxAgeMs?: number | undefined;
}

/** So that not every pull into a full store brings about an eviction. */
const EVICT_DOWN_TO = 0.9;

/**
 * Which manifests go: all that nobody has pulled for too long, and then those that were pulled longest ago, until what the
 * others need fits. A blob that several need is there once, and goes with the last of them.
 */
export function planEviction(copies: readonly CopiedManifest[], limits: EvictionLimits, now: number): CopiedManifest[] {
  const { maxSize = Infinity, maxAgeMs = Infinity } = limits;
  const oldestFirst = [...copies].sort((a, b) => a.pulledAt - b.pulledAt);
  const needs = new Map<Digest, number>();
  let total = 0;
  for (const { size, blobs } of oldestFirst) {
    total += size;
    for (const [digest, blobSize] of blobs) {
      const users = needs.get(digest) ?? 0;
      if (users === 0) total += blobSize;
      needs.set(digest, users + 1);
    }
  }
  const target = total > maxSize ? maxSize * EVICT_DOWN_TO : Infinity;
  const evicted: CopiedManifest[] = [];
  for (const copy of oldestFirst) {
    if (total <= target && now - copy.pulledAt <= maxAgeMs) break;
    evicted.push(copy);
    total -= copy.size;
    for (const [digest, blobSize] of copy.blobs) {
      const users = (needs.get(digest) ?? 1) - 1;
      needs.set(digest, users);
      if (users === 0) total -= blobSize;
    }
  }
  return evicted;
}
