import type { Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { eachAtOnce } from "../at-once.js";
import { digestOfKey, keys } from "../storage/key-tree.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { listAllKeys } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";

const READS_AT_ONCE = 16;

/** The records of all manifests of a repository that are served. */
export async function liveManifests(
  store: ObjectStore,
  repository: string,
): Promise<ReadonlyMap<Digest, ManifestRecord>> {
  const digests = new Set<Digest>();
  for (const key of await listAllKeys(store, `${keys.manifests(repository)}/`)) {
    const digest = digestOfKey(key.slice(0, key.lastIndexOf("/")));
    if (digest !== undefined) digests.add(digest);
  }
  const all = [...digests].sort();
  const live = new Map<Digest, ManifestRecord>();
  await eachAtOnce(all, READS_AT_ONCE, async (digest) => {
    const entry = await new WriteOnceRegister<ManifestRecord>(store, keys.manifest(repository, digest)).read();
    if (entry?.value.state === "live") live.set(digest, entry.value);
  });
  // In the order of their digests, whichever was read first.
  return new Map(all.map((digest) => [digest, live.get(digest)] as const).filter(isThere));
}

function isThere(entry: readonly [Digest, ManifestRecord | undefined]): entry is readonly [Digest, ManifestRecord] {
  return entry[1] !== undefined;
}
