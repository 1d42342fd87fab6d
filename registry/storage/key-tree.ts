import { algorithmOf, hexOf, isDigest, type Digest, type DigestAlgorithm } from "../../oci/digest.js";

/**
 * The whole tree of keys. Only this module builds or reads them.
 *
 *   data/<xx>/<uuid>                                    bytes of a blob or manifest; written once, under a name never used again
 *                                                       or, adopted from another registry's tree, a whole key of that tree
 *   blobs/<alg>/<xx>/<hex>/<n>                          register: what is known of a blob, whichever repository it is in
 *   repos/<repo>/manifests/<alg>/<hex>/<n>              register: what is known of a manifest in this repository
 *   repos/<repo>/tags/<tag>                             the digest it names
 *   repos/<repo>/referrers/<alg>/<hex>/<alg>/<hex>      subject, then referrer: the referrer's descriptor
 *   repos/<repo>/blobs/<alg>/<hex>                      link: this repository may serve this blob
 *   uploads/<id>/<n>                                    register: an upload session
 *   imports/<repo>                                      what its tags named when they were imported
 *   quarantine/<alg>/<hex>/<uuid>                       bytes that were found not to have that digest
 *   scrub/progress                                      how far a scrub has come
 *   holds/<repo>/<time>-<uuid>-<what>                   something is about to be added to a repository that has a quota
 *   events/<queue>/owner/<n>                            register: which process delivers the events of this queue
 *   events/<queue>/alive                                touched now and then by that process
 *   events/<queue>/batches/<endpoint>/<n>               events that an endpoint has not been told of yet
 *
 * <repo> is the repository's name with `!` for `/`. Names may not hold `!`, so the encoding is unambiguous, one component,
 * and no longer than the name: a repository called `a/tags/b` or `x/manifests` is its own directory beside the others, and
 * the catalog is one flat listing. <xx> are two hex digits, so that a listing can be split. <n> is a number of ten digits
 * (WriteOnceRegister). <alg> and <hex> are a digest's two parts.
 */
export const keys = {
  data: (id: string): string => (id.includes("/") ? id : `data/${id.slice(0, 2)}/${id}`),
  blob: (digest: Digest): string => `blobs/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}/${hexOf(digest)}`,
  repositories: "repos",
  repository: (name: string): string => `repos/${name.replaceAll("/", "!")}`,
  manifest: (name: string, digest: Digest): string => `${keys.repository(name)}/manifests/${pathOf(digest)}`,
  tags: (name: string): string => `${keys.repository(name)}/tags`,
  tag: (name: string, tag: string): string => `${keys.tags(name)}/${tag}`,
  referrers: (name: string, subject: Digest): string => `${keys.repository(name)}/referrers/${pathOf(subject)}`,
  referrer: (name: string, subject: Digest, referrer: Digest): string =>
    `${keys.referrers(name, subject)}/${pathOf(referrer)}`,
  blobLinks: (name: string, algorithm: DigestAlgorithm): string => `${keys.repository(name)}/blobs/${algorithm}`,
  blobLink: (name: string, digest: Digest): string => `${keys.blobLinks(name, algorithmOf(digest))}/${hexOf(digest)}`,
  uploads: "uploads",
  upload: (id: string): string => `uploads/${id}`,
  holds: "holds",
  holdsOf: (name: string): string => `holds/${name.replaceAll("/", "!")}`,
  hold: (name: string, what: string): string => `${keys.holdsOf(name)}/${what}`,
  events: "events",
  eventQueue: (queue: string): string => `events/${queue}`,
  eventQueueOwner: (queue: string): string => `${keys.eventQueue(queue)}/owner`,
  eventQueueAlive: (queue: string): string => `${keys.eventQueue(queue)}/alive`,
  eventBatches: (queue: string): string => `${keys.eventQueue(queue)}/batches`,
  eventBatch: (queue: string, endpoint: string, number: number): string =>
    `${keys.eventBatches(queue)}/${endpoint}/${String(number).padStart(10, "0")}`,
  importedTags: (name: string): string => `imports/${name.replaceAll("/", "!")}`,
  quarantine: "quarantine",
  quarantined: (digest: Digest, generation: string): string => `quarantine/${pathOf(digest)}/${generation}`,
  scrubProgress: "scrub/progress",
  registerEntry: (register: string, number: number): string => `${register}/${String(number).padStart(10, "0")}`,
};

function pathOf(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** From `repos/a!b/`, as a listing with a delimiter gives it. */
export function repositoryOfPrefix(prefix: string): string {
  return prefix.slice("repos/".length, -1).replaceAll("!", "/");
}

/** From `holds/a!b/...`. */
export function repositoryOfHold(key: string): string {
  return (key.split("/")[1] ?? "").replaceAll("!", "/");
}

/** From the key of a batch of events. */
export function endpointOfBatch(key: string): string {
  return key.split("/")[3] ?? "";
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
