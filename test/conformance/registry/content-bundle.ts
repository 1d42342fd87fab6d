import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";

import type { Digest, DigestAlgorithm } from "../../../oci/digest.js";
import { MediaType } from "../../../oci/media-types.js";
import { contentOf, descriptorOf, type Content, type Described } from "../../integration/registry/support/content.js";

export const EXAMPLE_TYPE = "application/vnd.example.berth.v1";
export const OTHER_TYPE = "application/vnd.example.berth.v2";

/** What a referrers list must say of one manifest. */
interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType: string | undefined;
  readonly annotations: unknown;
}

interface DocumentFields {
  readonly tag?: string;
  readonly artifactType?: string;
  readonly subject?: object & { readonly digest: Digest };
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A set of content as a client holds it before it pushes: in the order in which a registry takes it. */
export class ContentBundle {
  readonly blobs: Content[] = [];
  readonly manifests: Described[] = [];
  readonly tags = new Map<string, Digest>();
  readonly referrers = new Map<Digest, Referrer[]>();

  constructor(readonly algorithm: DigestAlgorithm = "sha256") {}

  blob(mediaType: string, bytes: Buffer | string = randomBytes(512)): Described {
    const content = contentOf(bytes, this.algorithm);
    if (!this.blobs.some(({ digest }) => digest === content.digest)) this.blobs.push(content);
    return { mediaType, ...content };
  }

  /** With a config and two layers unless `fields` says otherwise. */
  image(fields: DocumentFields = {}): Described {
    const layers = [1, 2].map(() => this.blob(MediaType.ociLayerGzip, gzipSync(randomBytes(300))));
    const config = this.blob(MediaType.ociConfig, JSON.stringify({ architecture: "amd64", os: "linux", id: unique() }));
    return this.document(MediaType.ociManifest, {
      config: descriptorOf(config),
      layers: layers.map(descriptorOf),
      ...fields,
    });
  }

  /** An image manifest that carries anything else. */
  artifact(fields: DocumentFields = {}): Described {
    return this.document(MediaType.ociManifest, {
      artifactType: EXAMPLE_TYPE,
      config: descriptorOf(this.blob(MediaType.ociEmpty, "{}")),
      layers: [descriptorOf(this.blob(EXAMPLE_TYPE))],
      ...fields,
    });
  }

  index(children: readonly Described[], fields: DocumentFields = {}): Described {
    const manifests = children.map((child, i) => ({
      ...descriptorOf(child),
      platform: { os: "linux", architecture: i === 0 ? "amd64" : "arm64" },
    }));
    return this.document(MediaType.ociIndex, { manifests, ...fields });
  }

  document(mediaType: string, { tag, ...fields }: DocumentFields): Described {
    const json = { schemaVersion: 2, mediaType, ...fields };
    const manifest = { mediaType, ...contentOf(JSON.stringify(json), this.algorithm) };
    this.manifests.push(manifest);
    if (tag !== undefined) this.tags.set(tag, manifest.digest);
    if (fields.subject) this.#refer(fields.subject.digest, manifest, json);
    return manifest;
  }

  #refer(subject: Digest, { mediaType, digest, bytes }: Described, json: DocumentFields): void {
    const config = json["config"] as { mediaType: string } | undefined;
    const artifactType = json.artifactType ?? config?.mediaType;
    const referrer = { mediaType, digest, size: bytes.length, artifactType, annotations: json.annotations };
    this.referrers.set(subject, [...(this.referrers.get(subject) ?? []), referrer]);
  }
}

export function unique(): string {
  return randomBytes(8).toString("hex");
}
