import { parseDigest, type Digest } from "./digest.js";
import { BerthError } from "./errors.js";
import { MediaType } from "./media-types.js";
import type { Platform } from "./platform.js";

/** image-spec, descriptor.md. Fields that berth does not read are kept. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
  readonly data?: string;
}

export interface ImageManifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest of a media type that berth stores without understanding it. */
export interface UnknownManifest {
  readonly kind: "unknown";
  readonly mediaType: string;
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type Manifest = ImageManifest | ImageIndex | UnknownManifest;

/**
 * Reads a manifest. The shape decides what it is (`manifests` -> index, `config` + `layers` -> image manifest) and must
 * agree with the media type, so that no document can be read as both (CVE-2021-41190).
 * @param mediaType the Content-Type it came with, without parameters; when absent, the document's own
 * @throws BerthError MANIFEST_INVALID
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest {
  let json: unknown;
  try {
    // A byte order mark is not JSON (RFC 8259, 8.1), and nobody else who reads the manifest would take it for that.
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (!isObject(json)) throw invalid("it is not a JSON object");
  const own = json["mediaType"];
  if (own !== undefined && typeof own !== "string") throw invalid("mediaType is not a string");
  if (own !== undefined && own !== "" && mediaType !== undefined && own !== mediaType) {
    throw invalid(`its mediaType ${own} differs from the Content-Type ${mediaType}`);
  }
  const hasIndex = "manifests" in json;
  const hasImage = "layers" in json || "config" in json;
  const type =
    mediaType ?? (own === undefined || own === "" ? (hasIndex ? MediaType.ociIndex : MediaType.ociManifest) : own);
  const common = {
    mediaType: type,
    ...(json["subject"] != null && { subject: parseDescriptor(json["subject"], "subject") }),
    ...(typeof json["artifactType"] === "string" && { artifactType: json["artifactType"] }),
    ...(isStringRecord(json["annotations"]) && { annotations: json["annotations"] }),
  };
  switch (type) {
    case MediaType.ociManifest:
    case MediaType.dockerManifest:
      if (json["schemaVersion"] !== 2) throw invalid("schemaVersion is not 2");
      if (hasIndex) throw invalid("an image manifest with a manifests field");
      return {
        kind: "manifest",
        ...common,
        config: parseDescriptor(json["config"], "config"),
        layers: parseDescriptors(json["layers"], "layers"),
      };
    case MediaType.ociIndex:
    case MediaType.dockerManifestList:
      if (json["schemaVersion"] !== 2) throw invalid("schemaVersion is not 2");
      if (hasImage) throw invalid("an index with config or layers fields");
      return { kind: "index", ...common, manifests: parseDescriptors(json["manifests"], "manifests") };
    default:
      return { kind: "unknown", ...common };
  }
}

function parseDescriptors(value: unknown, path: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`${path} is not a list`);
  return value.map((item, i) => parseDescriptor(item, `${path}[${String(i)}]`));
}

/** @throws BerthError MANIFEST_INVALID naming `path` */
export function parseDescriptor(value: unknown, path: string): Descriptor {
  if (!isObject(value)) throw invalid(`${path} is not a descriptor`);
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string" || mediaType === "") throw invalid(`${path}.mediaType is missing`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw invalid(`${path}.size is not a size`);
  if (typeof digest !== "string") throw invalid(`${path}.digest is missing`);
  try {
    parseDigest(digest);
  } catch (cause) {
    throw invalid(`${path}.digest is not a digest`, cause);
  }
  return value as unknown as Descriptor;
}

function invalid(why: string, cause?: unknown): BerthError {
  return new BerthError("MANIFEST_INVALID", `invalid manifest: ${why}`, { cause });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((item) => typeof item === "string");
}
