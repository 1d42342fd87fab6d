import { algorithmOf, digestOf, isDigest, parseDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseManifest, type Descriptor, type Manifest } from "../../oci/manifest.js";
import { isForeignLayerType } from "../../oci/media-types.js";

/** What is known of a manifest in one repository. */
export interface ManifestRecord {
  /**
   * pending: a writer means to make it live and is checking what it names; already keeps that, and the bytes, from being
   * collected.
   * aborted: the writer found something missing. condemned and tombstone as of a blob.
   */
  readonly state: "pending" | "live" | "condemned" | "tombstone" | "aborted";
  readonly mediaType: string;
  /** keys.data of its bytes */
  readonly data: string;
  /** While pending, the same of other writers who push the same manifest at the same time. */
  readonly others?: readonly string[];
  readonly size: number;
  /** All that it names and that must be kept with it. */
  readonly refs: readonly Digest[];
  readonly subject?: Digest;
  readonly at: number;
}

/** The bytes that must not be collected because of this record: keys.data of each. */
export function claimsOf(record: Pick<ManifestRecord, "state" | "data" | "others"> | undefined): readonly string[] {
  if (record === undefined || record.state === "tombstone" || record.state === "aborted") return [];
  return [record.data, ...(record.others ?? [])];
}

/** A manifest as a client sent it, read and checked. */
export interface ReceivedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Blobs of this repository that must exist. */
  readonly blobs: readonly Digest[];
  /** Manifests of this repository that must exist. */
  readonly manifests: readonly Digest[];
  /** Named in a document of a kind that berth does not understand: kept when they exist, not required. */
  readonly others: readonly Digest[];
  readonly subject?: Digest;
  /** The entry of the referrers list, when there is a subject. */
  readonly descriptor: Descriptor;
}

/** RFC 6838, 4.2: it is going to be a Content-Type, which must not hold just anything. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** What a browser would run as a page of ours, with the rights of whoever looks at it. */
const ACTIVE = /(?:html|xml|script)$/i;

/**
 * @param expected the digest in the URL, if the reference is one
 * @throws BerthError MANIFEST_INVALID, DIGEST_INVALID
 */
export function receiveManifest(bytes: Buffer, contentType: string | undefined, expected?: Digest): ReceivedManifest {
  const digest = digestOf(bytes, expected === undefined ? "sha256" : algorithmOf(expected));
  if (expected !== undefined && digest !== expected) {
    throw new BerthError("DIGEST_INVALID", "the manifest's bytes do not have the digest in the URL", {
      details: { expected, received: digest },
    });
  }
  const manifest = parseManifest(bytes, contentType);
  if (!MEDIA_TYPE.test(manifest.mediaType)) throw new BerthError("MANIFEST_INVALID", "its mediaType is no media type");
  if (ACTIVE.test(manifest.mediaType)) {
    throw new BerthError("MANIFEST_INVALID", `a manifest is JSON: ${manifest.mediaType} is no media type of one`);
  }
  const descriptor = describe(manifest, digest, bytes.length);
  const refs = referencesOf(manifest, bytes);
  return {
    digest,
    mediaType: manifest.mediaType,
    bytes,
    ...refs,
    ...(manifest.subject && { subject: parseDigest(manifest.subject.digest) }),
    descriptor,
  };
}

type References = Pick<ReceivedManifest, "blobs" | "manifests" | "others">;

function referencesOf(manifest: Manifest, bytes: Buffer): References {
  if (manifest.kind === "manifest") {
    // Foreign layers may be left out (image-spec, layer.md, "Non-Distributable Layers").
    const required = manifest.layers.filter((layer) => !isForeignLayerType(layer.mediaType));
    return { blobs: digestsOf([manifest.config, ...required]), manifests: [], others: [] };
  }
  if (manifest.kind === "index") return { blobs: [], manifests: digestsOf(manifest.manifests), others: [] };
  return { blobs: [], manifests: [], others: digestsIn(JSON.parse(bytes.toString())) };
}

function digestsOf(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

/** Every `digest` field of anything that looks like a descriptor. */
function digestsIn(document: unknown): Digest[] {
  const found = new Set<Digest>();
  const waiting: unknown[] = [document];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== "object" || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      if (name === "digest" && typeof member === "string" && isDigest(member)) found.add(member);
      else if (member !== undefined) waiting.push(member);
    }
  }
  return [...found];
}

/**
 * distribution-spec, "Listing Referrers": artifactType is the manifest's own, or else its config's media type (of an image
 * manifest; an index without one has none); annotations are the manifest's.
 */
function describe(manifest: Manifest, digest: Digest, size: number): Descriptor {
  const artifactType = manifest.artifactType || (manifest.kind === "manifest" ? manifest.config.mediaType : undefined);
  return {
    mediaType: manifest.mediaType,
    digest,
    size,
    ...(artifactType && { artifactType }),
    ...(manifest.annotations && { annotations: manifest.annotations }),
  };
}
