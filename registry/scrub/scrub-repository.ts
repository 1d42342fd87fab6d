import { isDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { isImageManifestType, isIndexType } from "../../oci/media-types.js";
import { eachAtOnce } from "../at-once.js";
import { blobLinkOfKey, digestOfKey, keys, lastComponentOf, type BlobLinkName } from "../storage/key-tree.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { listAllKeys } from "../storage/whole-listing.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { reportFaults, type ScrubJob } from "./scrub-blobs.js";
import type { BlobKnowledge } from "./served-blobs.js";
import { verifyBytes } from "./verify-bytes.js";

/** Of what is small. */
const LOOKS_AT_ONCE = 16;

/** A repository's links, by digest. */
type Links = ReadonlyMap<Digest, readonly BlobLinkName[]>;

/** Manifests, what they name, tags and links of one repository. */
export async function scrubRepository(job: ScrubJob, repository: string): Promise<void> {
  const { store, atOnce } = job;
  const links = await linksOf(job, repository);
  const manifests = new Set<Digest>();
  for (const key of await listAllKeys(store, `${keys.manifests(repository)}/`)) {
    const digest = digestOfKey(key.slice(0, key.lastIndexOf("/")));
    if (digest !== undefined) manifests.add(digest);
  }
  await whileWanted(job, manifests, atOnce, async (digest) => {
    await reportFaults(job, `${repository}@${digest}`, async () => {
      await scrubManifest(job, repository, digest, links);
    });
  });
  const tags = await listAllKeys(store, `${keys.tags(repository)}/`);
  await whileWanted(job, tags, LOOKS_AT_ONCE, async (key) => {
    await reportFaults(job, key, async () => {
      await scrubTag(job, repository, key);
    });
  });
  await whileWanted(job, [...links.values()].flat(), LOOKS_AT_ONCE, async (link) => {
    await reportFaults(job, `${repository}@${link.digest}`, async () => {
      await scrubLink(job, repository, link);
    });
  });
}

async function linksOf({ store }: ScrubJob, repository: string): Promise<Links> {
  const links = new Map<Digest, BlobLinkName[]>();
  for (const key of await listAllKeys(store, `${keys.repository(repository)}/blobs/`)) {
    const link = blobLinkOfKey(key);
    if (link !== undefined) links.set(link.digest, [...(links.get(link.digest) ?? []), link]);
  }
  return links;
}

async function scrubManifest(job: ScrubJob, repository: string, digest: Digest, links: Links): Promise<void> {
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
    const missing = await missingOf(job, repository, record, links);
    if (missing.length > 0 && (await manifestIn(job, repository, digest))?.data !== data) continue;
    summary.manifests++;
    if (missing.length > 0) {
      const why = `names ${String(missing.length)} that the repository does not have, such as ${missing[0] ?? ""}`;
      report({ kind: "incomplete", what, why });
    }
    return;
  }
}

/** Of a document of a kind that berth does not understand nothing is required. */
async function missingOf(job: ScrubJob, repository: string, record: ManifestRecord, links: Links): Promise<Digest[]> {
  const isIndex = isIndexType(record.mediaType);
  if (!isIndex && !isImageManifestType(record.mediaType)) return [];
  const missing: Digest[] = [];
  for (const digest of record.refs) {
    const there = isIndex
      ? (await manifestIn(job, repository, digest)) !== undefined
      : links.get(digest)?.some((link) => job.served.hasSeen(link)) || isServed(await blobIn(job, repository, digest));
    if (!there) missing.push(digest);
  }
  return missing;
}

/** As it is now. */
async function blobIn({ store, served }: ScrubJob, repository: string, digest: Digest): Promise<BlobKnowledge> {
  const pointer = await served.look(digest);
  if (typeof pointer === "string") return pointer;
  const isLinked = (await store.stat(keys.blobLink(repository, digest, pointer.data, pointer.size))) !== undefined;
  return isLinked ? pointer : "gone";
}

function isServed(blob: BlobKnowledge): boolean {
  return typeof blob !== "string";
}

async function manifestIn(job: ScrubJob, repository: string, digest: Digest): Promise<ManifestRecord | undefined> {
  const record = await recordOf(job, repository, digest);
  return record?.state === "live" || record?.state === "condemned" ? record : undefined;
}

async function recordOf({ store }: ScrubJob, repository: string, digest: Digest): Promise<ManifestRecord | undefined> {
  return (await new WriteOnceRegister<ManifestRecord>(store, keys.manifest(repository, digest)).read())?.value;
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
  const state = isDigest(digest) ? (await recordOf(job, repository, digest))?.state : undefined;
  if (state === "live" || state === "condemned") return;
  // Moved or deleted meanwhile.
  if ((await read()) !== names) return;
  const what = `${repository}:${lastComponentOf(key)}`;
  const harmless = state === "tombstone";
  const why = `names ${digest || "nothing"}, which ${harmless ? "was deleted" : "is not there"}`;
  job.report({ kind: "dangling", what, why, harmless });
}

async function scrubLink(job: ScrubJob, repository: string, link: BlobLinkName): Promise<void> {
  job.summary.links++;
  const { digest, data, size } = link;
  if (job.served.hasSeen(link)) return;
  const blob = await blobIn(job, repository, digest);
  if (isServed(blob)) return;
  const harmless = blob === "gone";
  if ((await job.store.stat(keys.blobLink(repository, digest, data, size))) === undefined) return;
  const why = harmless
    ? "the blob has gone since: the collector removes what led to it"
    : "nothing is known of the blob";
  job.report({ kind: "dead-link", what: `${repository}@${digest}`, why, harmless });
}

async function whileWanted<T>(
  { signal }: ScrubJob,
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  await eachAtOnce(items, atOnce, async (item) => {
    if (signal?.aborted !== true) await work(item);
  });
}
