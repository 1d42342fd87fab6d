import { isDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { isImageManifestType, isIndexType } from "../../oci/media-types.js";
import type { BlobPointer } from "../storage/blob-store.js";
import { blobLinkOfKey, digestOfKey, keys, lastComponentOf } from "../storage/key-tree.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { listAllKeys } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { reportFaults, type ScrubJob } from "./scrub-blobs.js";
import { verifyBytes } from "./verify-bytes.js";

/** Manifests, what they name, tags and links of one repository. */
export async function scrubRepository(job: ScrubJob, repository: string): Promise<void> {
  const { store } = job;
  const manifests = new Set<Digest>();
  for (const key of await listAllKeys(store, `${keys.manifests(repository)}/`)) {
    const digest = digestOfKey(key.slice(0, key.lastIndexOf("/")));
    if (digest !== undefined) manifests.add(digest);
  }
  await inTurns(job, [...manifests], async (digest) => {
    await reportFaults(job, `${repository}@${digest}`, async () => {
      await scrubManifest(job, repository, digest);
    });
  });
  await inTurns(job, await listAllKeys(store, `${keys.tags(repository)}/`), async (key) => {
    await reportFaults(job, key, async () => {
      await scrubTag(job, repository, key);
    });
  });
  const links = await listAllKeys(store, `${keys.repository(repository)}/blobs/`);
  await inTurns(job, links, async (key) => {
    await reportFaults(job, key, async () => {
      await scrubLink(job, repository, key);
    });
  });
}

async function scrubManifest(job: ScrubJob, repository: string, digest: Digest): Promise<void> {
  const { store, pace, quarantine, report, summary } = job;
  const what = `${repository}@${digest}`;
  for (;;) {
    const record = await manifestIn(job, repository, digest);
    if (record === undefined) return;
    const { data, size } = record;
    const verdict = await verifyBytes(store, keys.data(data), { digest, size }, pace);
    if (verdict.kind !== "whole") {
      // Deleted and pushed again while it was read.
      if ((await manifestIn(job, repository, digest))?.data !== data) continue;
      summary.manifests++;
      const { kind, why } = verdict;
      const quarantined =
        kind !== "unreadable" && ((await quarantine?.takeManifest(repository, digest, data)) ?? false);
      report({ kind, what, why, quarantined });
      return;
    }
    const missing = await missingOf(job, repository, record);
    if (missing.length > 0 && (await manifestIn(job, repository, digest))?.data !== data) continue;
    summary.manifests++;
    if (missing.length > 0) {
      const why = `names ${String(missing.length)} that the repository does not have, such as ${missing[0] ?? ""}`;
      report({ kind: "incomplete", what, why, quarantined: false });
    }
    return;
  }
}

/** Of a document of a kind that berth does not understand nothing is required. */
async function missingOf(job: ScrubJob, repository: string, record: ManifestRecord): Promise<Digest[]> {
  const isIndex = isIndexType(record.mediaType);
  if (!isIndex && !isImageManifestType(record.mediaType)) return [];
  const missing: Digest[] = [];
  for (const digest of record.refs) {
    const there = isIndex
      ? (await manifestIn(job, repository, digest)) !== undefined
      : await servesBlob(job, repository, digest);
    if (!there) missing.push(digest);
  }
  return missing;
}

async function servesBlob({ store }: ScrubJob, repository: string, digest: Digest): Promise<boolean> {
  const pointer = (await new WriteOnceRegister<BlobPointer>(store, keys.blob(digest)).read())?.value;
  if (pointer?.state !== "live" && pointer?.state !== "condemned") return false;
  return (await store.stat(keys.blobLink(repository, digest, pointer.data, pointer.size))) !== undefined;
}

async function manifestIn(
  { store }: ScrubJob,
  repository: string,
  digest: Digest,
): Promise<ManifestRecord | undefined> {
  const record = (await new WriteOnceRegister<ManifestRecord>(store, keys.manifest(repository, digest)).read())?.value;
  return record?.state === "live" || record?.state === "condemned" ? record : undefined;
}

async function scrubTag(job: ScrubJob, repository: string, key: string): Promise<void> {
  const read = async (): Promise<string | undefined> => {
    try {
      return (await job.store.get(key)).toString();
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN")) return undefined;
      throw error;
    }
  };
  const names = await read();
  if (names === undefined) return;
  job.summary.tags++;
  const digest = /^\S+/.exec(names)?.[0] ?? "";
  const there = isDigest(digest) && (await manifestIn(job, repository, digest)) !== undefined;
  // Moved or deleted meanwhile.
  if (there || (await read()) !== names) return;
  const what = `${repository}:${lastComponentOf(key)}`;
  job.report({ kind: "dangling", what, why: `names ${digest || "nothing"}, which is not there`, quarantined: false });
}

async function scrubLink(job: ScrubJob, repository: string, key: string): Promise<void> {
  const link = blobLinkOfKey(key);
  if (link === undefined) return;
  job.summary.links++;
  if (await servesBlob(job, repository, link.digest)) return;
  if ((await job.store.stat(key)) === undefined) return;
  const what = `${repository}@${link.digest}`;
  job.report({ kind: "dead-link", what, why: "the blob has gone since", quarantined: false });
}

async function inTurns<T>(job: ScrubJob, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length && job.signal?.aborted !== true; i += job.atOnce) {
    await Promise.all(items.slice(i, i + job.atOnce).map(work));
  }
}
