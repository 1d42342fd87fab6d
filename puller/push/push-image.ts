import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { isForeignLayerType } from "../../oci/media-types.js";
import type { Reference } from "../../oci/reference.js";
import type { ImageSource, SourceManifest } from "../archive/image-source.js";
import { RegistryClient, type ClientOptions } from "../client/index.js";
import type { RegistryHost } from "../hosts/registry-host.js";
import { forEachConcurrently } from "../install/bounded-concurrency.js";
import type { LayerProgress } from "../install/layer-progress.js";

export interface PushOptions {
  /** The first that may be pushed to is (registryHosts); default: the registry, with the options of `client`. */
  readonly hosts?: readonly RegistryHost[];
  readonly client?: Omit<ClientOptions, "registry">;
  readonly signal?: AbortSignal;
  /** Blobs in transfer at a time. */
  readonly concurrency?: number;
  readonly onProgress?: (progress: LayerProgress) => void;
}

export interface PushedImage {
  readonly digest: Digest;
  /** Bytes of the manifest or index. */
  readonly size: number;
}

const DEFAULT_CONCURRENCY = 4;
// See resolve-image.ts.
const MAX_DEPTH = 4;

/**
 * Sends an image: blobs that the registry lacks first, the manifests of an index next, and what the tag names last.
 * @throws BerthError MANIFEST_BLOB_UNKNOWN, NETWORK, UPSTREAM, UNAUTHORIZED, DENIED, ABORTED
 */
export async function pushImage(
  source: ImageSource,
  target: Reference,
  { hosts, client: clientOptions, signal, concurrency = DEFAULT_CONCURRENCY, onProgress }: PushOptions = {},
): Promise<PushedImage> {
  const { root } = source;
  if (target.digest !== undefined && target.digest !== root.digest) {
    throw new BerthError("USAGE", `cannot push as ${target.digest}: the image's digest is ${root.digest}`);
  }
  const host = hosts?.find(({ capabilities }) => capabilities.has("push"));
  if (hosts !== undefined && host === undefined) {
    throw new BerthError("UNSUPPORTED", `no host of ${target.registry} may be pushed to: see hosts.toml`);
  }
  const client = new RegistryClient(host?.client ?? { registry: target.registry, ...clientOptions });
  try {
    const { manifests, blobs } = await collect(source);
    await forEachConcurrently([...blobs.values()], concurrency, signal, (blob, stop) =>
      pushBlob(client, source, target, blob, stop, onProgress),
    );
    for (const manifest of manifests) await client.putManifest(target.repository, manifest.digest, manifest, signal);
    await client.putManifest(target.repository, target.tag ?? target.digest ?? "latest", root, signal);
    return { digest: root.digest, size: root.bytes.byteLength };
  } catch (error) {
    if (signal?.aborted === true) throw new BerthError("ABORTED", "the push was cancelled", { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}

/** What hangs below the root: manifests with children before their parents, and every blob once. */
async function collect(source: ImageSource): Promise<{ manifests: SourceManifest[]; blobs: Map<Digest, Descriptor> }> {
  const manifests: SourceManifest[] = [];
  const blobs = new Map<Digest, Descriptor>();
  const visit = async (current: SourceManifest, depth: number): Promise<void> => {
    const manifest = parseManifest(current.bytes, current.mediaType || undefined);
    if (manifest.kind === "unknown") {
      throw new BerthError("UNSUPPORTED", `cannot push a manifest of the type ${manifest.mediaType}`);
    }
    if (manifest.kind === "manifest") {
      for (const blob of [...manifest.layers, manifest.config]) {
        if (source.has(blob.digest) || !isForeignLayerType(blob.mediaType)) blobs.set(blob.digest, blob);
      }
      return;
    }
    if (depth === MAX_DEPTH) throw new BerthError("MANIFEST_INVALID", "invalid manifest: indexes in indexes");
    for (const descriptor of manifest.manifests) {
      if (manifests.some(({ digest }) => digest === descriptor.digest)) continue;
      const child = await source.manifest(descriptor);
      await visit(child, depth + 1);
      manifests.push(child);
    }
  };
  await visit(source.root, 0);
  return { manifests, blobs };
}

async function pushBlob(
  client: RegistryClient,
  source: ImageSource,
  { registry, repository }: Reference,
  blob: Descriptor,
  signal: AbortSignal,
  onProgress: PushOptions["onProgress"],
): Promise<void> {
  const { digest, size } = blob;
  const report = (state: LayerProgress["state"], current: number, from?: string): void =>
    onProgress?.({ id: digest, state, current, total: size, ...(from !== undefined && { from }) });
  report("waiting", 0);
  if (await client.hasBlob(repository, digest, signal)) {
    report("exists", size);
    return;
  }
  const mountFrom = source.mountCandidates?.(blob, registry).find((other) => other !== repository);
  if (mountFrom === undefined && !source.has(digest)) {
    throw new BerthError("MANIFEST_BLOB_UNKNOWN", `the bytes of ${digest} are not on this host: pull the image again`);
  }
  const result = await client.uploadBlob(repository, {
    digest,
    size,
    open: () => source.open(blob),
    ...(mountFrom !== undefined && { mountFrom }),
    signal,
    onProgress: (sent) => {
      report("downloading", sent);
    },
  });
  report(result === "mounted" ? "mounted" : "complete", size, mountFrom);
}
