import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { eachAtOnce } from "../at-once.js";
import { keys } from "../storage/key-tree.js";
import { receiveManifest, type ManifestRecord, type ReceivedManifest } from "../storage/manifest-record.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { IMPORTED_AT_ONCE, type RepositoryImport } from "./repository-import.js";

/**
 * Manifests go through the same steps as a push. They are small, each repository has its own, and they must be read to know
 * what they name: so these are written anew, and what they name stays where it lies.
 */
export async function importManifests(job: RepositoryImport): Promise<number> {
  let waiting: Digest[] = [];
  let imported = 0;
  const round = async (digests: AsyncIterable<Digest> | Iterable<Digest>, sparse: boolean): Promise<void> => {
    const later: Digest[] = [];
    await eachAtOnce(digests, IMPORTED_AT_ONCE, async (digest) => {
      const outcome = await importManifest(job, digest, sparse);
      if (outcome === "imported") imported++;
      else if (outcome === "incomplete") later.push(digest);
    });
    waiting = later;
  };
  await round(job.layout.manifests(job.repository), false);
  // An index comes after what it names, which may be an index.
  for (let before = Infinity; waiting.length > 0 && waiting.length < before;) {
    before = waiting.length;
    await round(waiting, false);
  }
  // Distribution serves them as they are, and so does this registry.
  await round(waiting, true);
  return imported;
}

async function importManifest(
  job: RepositoryImport,
  digest: Digest,
  sparse: boolean,
): Promise<"imported" | "incomplete" | "skipped"> {
  const { store, layout, registry, repository, report } = job;
  const known = await new WriteOnceRegister<ManifestRecord>(store, keys.manifest(repository, digest)).read();
  // A tombstone: it was deleted here.
  if (known?.value.state === "live" || known?.value.state === "condemned" || known?.value.state === "tombstone") {
    return "skipped";
  }
  let received: ReceivedManifest;
  try {
    received = receiveManifest(await layout.readManifest(digest), undefined, digest);
  } catch (error) {
    if (!isBerthError(error, "OBJECT_UNKNOWN", "TOO_LARGE", "DIGEST_INVALID", "MANIFEST_INVALID")) throw error;
    report("lost", digest, `the manifest cannot be served (${error.message}): left out`);
    return "skipped";
  }
  try {
    await registry.manifests.put(repository, received, { sparse });
  } catch (error) {
    if (!isBerthError(error, "MANIFEST_BLOB_UNKNOWN")) throw error;
    return "incomplete";
  }
  if (sparse)
    report("lost", digest, "the manifest names blobs or manifests that distribution does not have: imported as it is");
  return "imported";
}
