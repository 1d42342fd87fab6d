import { algorithmOf, hexOf, isDigest, type Digest, type DigestAlgorithm } from "../../oci/digest.js";

/**
 * The whole tree of keys. Only this module builds or reads them.
 *
 *   data/<xx>/<uuid>                                    bytes of a blob or manifest; written once, under a name never used again
 *                                                       or, adopted from another registry's tree, a whole key of that tree
 *   blobs/<alg>/<xx>/<hex>/<n>                          register: what is known of a blob, whichever repository it is in
 *   manifests/<repo>/<alg>/<hex>/<n>                    register: what is known of a manifest in this repository
 *   repos/<repo>/tags/<tag>                             the digest it names
 *   repos/<repo>/referrers/<alg>/<hex>/<alg>/<hex>/<uuid>  subject, then referrer and its bytes: the referrer's descriptor
 *   repos/<repo>/blobs/<alg>/<hex>/<uuid>.<size>        link: this repository may serve this blob, as long as these are its bytes
 *   uploads/<id>/<n>                                    register: an upload session
 *   collector/<n>                                       register: when garbage was last collected, and by whom
 *   pulls/<repo>/<alg>/<hex>                            when a manifest of a mirror's copy was last pulled, about
 *   pauses/<upstream>                                   for how long an upstream of mirrors is to be left alone
 *   fetches/<repo>/<alg>/<hex>/<n>                      register: which process is fetching a blob of a mirror's copy
 *   imports/<repo>                                      what its tags named when they were imported
 *   quarantine/records/<alg>/<hex>/<uuid>               what was found of bytes that do not have that digest
 *   quarantine/bytes/<alg>/<hex>/<uuid>                 those bytes
 *   scrub/progress                                      how far a scrub has come
 *   auth/keys/<kid>                                     a key that signs tokens, sealed
 *   holds/<repo>/<time>-<uuid>-<what>                   something is about to be added to a repository that has a quota
 *   events/<queue>/owner/<n>                            register: which process delivers the events of this queue
 *   events/<queue>/alive                                touched now and then by that process
 *   events/<queue>/batches/<endpoint>/<n>               events that an endpoint has not been told of yet
 *
 * <repo> is the repository's name with `!` for `/`. Names may not hold `!`, so the encoding is unambiguous, one component,
 * and no longer than the name: a repository called `a/tags/b` or `x/manifests` is its own directory beside the others, and
 * the catalog is one flat listing. Registers of manifests are not below repos/, because their last entries stay when nothing
 * else does. What a collector deletes has the <uuid> of bytes that are gone in its key, so the key never serves again.
 *
 * <xx> are two hex digits, so that a listing can be split. <n> is a number of ten digits (WriteOnceRegister). <alg> and <hex>
 * are a digest's two parts. In a link or the quarantine, a <uuid> that is a whole key has `!` for `/`.
 */
export const keys = {
  allData: "data",
  data: (id: string): string => (id.includes("/") ? id : `data/${id.slice(0, 2)}/${id}`),
  blobs: "blobs",
  blob: (digest: Digest): string => `blobs/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`,
  repositories: "repos",
  repository: (name: string): string => `repos/${encodeName(name)}`,
  manifestRegisters: "manifests",
  manifests: (name: string): string => `manifests/${encodeName(name)}`,
  manifest: (name: string, digest: Digest): string => `${keys.manifests(name)}/${pathOf(digest)}`,
  tags: (name: string): string => `${keys.repository(name)}/tags`,
  tag: (name: string, tag: string): string => `${keys.tags(name)}/${tag}`,
  referrers: (name: string, subject: Digest): string => `${keys.repository(name)}/referrers/${pathOf(subject)}`,
  referrersOf: (name: string): string => `${keys.repository(name)}/referrers`,
  /** @param data of the referrer's bytes */
  referrer: (name: string, subject: Digest, referrer: Digest, data: string): string =>
    `${keys.referrers(name, subject)}/${pathOf(referrer)}/${data}`,
  blobLinks: (name: string, algorithm: DigestAlgorithm): string => `${keys.repository(name)}/blobs/${algorithm}`,
  blobLinksOf: (name: string, digest: Digest): string =>
    `${keys.blobLinks(name, algorithmOf(digest))}/${hexOf(digest)}`,
  blobLink: (name: string, digest: Digest, data: string, size: number): string =>
    `${keys.blobLinksOf(name, digest)}/${data.replaceAll("/", "!")}.${String(size)}`,
  collectorRuns: "collector",
  uploads: "uploads",
  upload: (id: string): string => `uploads/${id}`,
  holds: "holds",
  holdsOf: (name: string): string => `holds/${encodeName(name)}`,
  hold: (name: string, what: string): string => `${keys.holdsOf(name)}/${what}`,
  events: "events",
  eventQueue: (queue: string): string => `events/${queue}`,
  eventQueueOwner: (queue: string): string => `${keys.eventQueue(queue)}/owner`,
  eventQueueAlive: (queue: string): string => `${keys.eventQueue(queue)}/alive`,
  eventBatches: (queue: string): string => `${keys.eventQueue(queue)}/batches`,
  eventBatch: (queue: string, endpoint: string, number: number): string =>
    `${keys.eventBatches(queue)}/${endpoint}/${String(number).padStart(10, "0")}`,
  upstreamPause: (upstream: string): string => `pauses/${upstream}`,
  fetches: "fetches",
  fetch: (name: string, digest: Digest): string => `fetches/${encodeName(name)}/${pathOf(digest)}`,
  pulls: (name: string): string => `pulls/${encodeName(name)}`,
  pull: (name: string, digest: Digest): string => `${keys.pulls(name)}/${pathOf(digest)}`,
  signingKeys: "auth/keys",
  signingKey: (kid: string): string => `auth/keys/${kid}`,
  importedTags: (name: string): string => `imports/${encodeName(name)}`,
  quarantineRecords: "quarantine/records",
  quarantined: (digest: Digest, data: string): string =>
    `${keys.quarantineRecords}/${pathOf(digest)}/${data.replaceAll("/", "!")}`,
  quarantinedBytes: (digest: Digest, data: string): string =>
    `quarantine/bytes/${pathOf(digest)}/${data.replaceAll("/", "!")}`,
  scrubProgress: "scrub/progress",
  registerEntry: (register: string, number: number): string => `${register}/${String(number).padStart(10, "0")}`,
};

function pathOf(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`;
}

function encodeName(name: string): string {
  return name.replaceAll("/", "!");
}

/** From `repos/a!b/` or `manifests/a!b/`, as a listing with a delimiter gives it. */
export function repositoryOfPrefix(prefix: string): string {
  return prefix.slice(prefix.indexOf("/") + 1, -1).replaceAll("!", "/");
}

export interface BlobLinkName {
  readonly digest: Digest;
  readonly data: string;
  readonly size: number;
}

/** From the key of a link; undefined for what is none. */
export function blobLinkOfKey(key: string): BlobLinkName | undefined {
  const [algorithm, hex, name = ""] = key.split("/").slice(-3);
  const digest = `${algorithm ?? ""}:${hex ?? ""}`;
  const [, data, size] = /^(.+)\.(\d+)$/.exec(name) ?? [];
  if (data === undefined || !isDigest(digest)) return undefined;
  return { digest, data: data.replaceAll("!", "/"), size: Number(size) };
}

interface ReferrerName {
  readonly subject: Digest;
  readonly referrer: Digest;
  readonly data: string;
}

/** From the key of an entry of a list of referrers; undefined for what is none. */
export function referrerOfKey(key: string): ReferrerName | undefined {
  const [ofSubject, subjectHex, algorithm, hex, data = ""] = key.split("/").slice(-5);
  const subject = `${ofSubject ?? ""}:${subjectHex ?? ""}`;
  const referrer = `${algorithm ?? ""}:${hex ?? ""}`;
  return isDigest(subject) && isDigest(referrer) ? { subject, referrer, data } : undefined;
}

/** From `holds/a!b/...`. */
export function repositoryOfHold(key: string): string {
  return (key.split("/")[1] ?? "").replaceAll("!", "/");
}

/** From the key of a batch of events. */
export function endpointOfBatch(key: string): string {
  return key.split("/")[3] ?? "";
}

/** Whether this registry uploads objects of any size to the key. */
export function isUploadedTo(key: string): boolean {
  return key.startsWith(`${keys.allData}/`) || key.startsWith("quarantine/bytes/");
}

/** From the key of a blob's register, or of an entry of it; undefined for what is none. */
export function digestOfBlobKey(key: string): Digest | undefined {
  const [, algorithm, , hex] = key.split("/");
  const text = `${algorithm ?? ""}:${hex ?? ""}`;
  return isDigest(text) ? text : undefined;
}

/** From the key of a register's entry. */
export function registerNumberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf("/") + 1));
}

/** The last two components of a key, as a digest; undefined when they are none. */
export function digestOfKey(key: string): Digest | undefined {
  const text = key.split("/").slice(-2).join(":");
  return isDigest(text) ? text : undefined;
}

export function lastComponentOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
