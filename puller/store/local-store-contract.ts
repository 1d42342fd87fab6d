import type { Readable } from "node:stream";

import type { Digest } from "../../oci/digest.js";
import type { ImageConfig } from "../../oci/image-config.js";

/**
 * What is on this host: images, their layers in Docker's overlay2 layout, and the bytes they came as. Everything is files
 * below one root and safe for many processes at once. Reading is synchronous and needs no lock: a record is visible only
 * when all that it names is on disk.
 */
export interface LocalStore {
  readonly root: string;
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly content: ContentStore;
  readonly overlay: OverlayDirectories;
  /**
   * Until release(), no process removes an image or a layer. For the moment between finding an image and having written
   * down that a container uses it.
   */
  hold(): Promise<Hold>;
}

export interface Hold {
  release(): void;
}

export interface Image {
  /** Digest of the config. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Familiar names, sorted: `debian:12`, `127.0.0.1:5000/app:1`. */
  readonly repoTags: readonly string[];
  /** Familiar names with the digest they were pulled by or pushed as, sorted: `debian@sha256:...`. */
  readonly repoDigests: readonly string[];
  /** Bytes of regular files in all layers. */
  readonly size: number;
  /** One for each layer, base first. */
  readonly chainIds: readonly Digest[];
  /** The image manifest whose bytes a push sends; its blobs are in the content store. */
  readonly manifest?: Digest;
  /** Time of the last tag (RFC 3339), Docker's Metadata.LastTagTime. */
  readonly lastTagTime?: string;
}

export interface ImageStore {
  /**
   * By name (`debian`, `debian:12`, `debian@sha256:...`), full ID with or without `sha256:`, or a unique prefix of the hex
   * of one. A name wins over a prefix, as with Docker.
   * @throws BerthError IMAGE_UNKNOWN, CONFLICT for a prefix of several IDs, REFERENCE_INVALID
   */
  find(refOrId: string): Image;
  /** Newest first. */
  list(): Image[];
  /** @throws BerthError IMAGE_UNKNOWN; USAGE when `target` has a digest */
  tag(refOrId: string, target: string): Promise<void>;
  remove(refOrId: string, options?: RemoveOptions): Promise<Removal>;
}

export interface RemoveOptions {
  /** Remove an ID with several names, and a name whose image only stopped containers use. */
  readonly force?: boolean;
  /** Containers that were made from the image with this ID; asked under the lock that hold() excludes. */
  readonly users?: (imageId: Digest) => readonly ImageUser[];
}

export interface ImageUser {
  readonly containerId: string;
  readonly running: boolean;
}

export interface Removal {
  /** Familiar references. */
  readonly untagged: readonly string[];
  /** The image ID, then the ChainIDs that no other image uses, topmost first; empty while names are left. */
  readonly deleted: readonly Digest[];
}

export interface LayerRecord {
  readonly chainId: Digest;
  readonly diffId: Digest;
  /** ChainID of the layer below; absent on a base layer. */
  readonly parent?: Digest;
  /** Name of its directory below overlay2/. */
  readonly cacheId: string;
  /** 26 characters: overlay2/l/<link> -> ../<cacheId>/diff. */
  readonly link: string;
  /** Bytes of regular files. */
  readonly size: number;
}

export interface LayerStore {
  /** Base first; empty for an image without layers. */
  stack(image: Pick<Image, "id" | "chainIds">): LayerRecord[];
  find(chainId: Digest): LayerRecord | undefined;
}

/** Compressed layers, configs and manifests, byte for byte as they came. */
export interface ContentStore {
  path(digest: Digest): string;
  has(digest: Digest): boolean;
  /** For manifests and configs. @throws BerthError BLOB_UNKNOWN */
  read(digest: Digest): Buffer;
  /** @param start first byte. @throws BerthError BLOB_UNKNOWN */
  open(digest: Digest, start?: number): Readable;
  size(digest: Digest): number | undefined;
}

export interface OverlayPaths {
  /** overlay2/<id> */
  readonly directory: string;
  readonly diff: string;
  readonly work: string;
  readonly merged: string;
  readonly linkFile: string;
  readonly lowerFile: string;
}

/** Docker's overlay2 directories. Nothing here is fsynced: callers that need that use syncFilesystem once. */
export interface OverlayDirectories {
  /** overlay2/, from where mount(2) is called so that lower directories can be given as `l/...`. */
  readonly base: string;
  /**
   * Makes overlay2/<id>/{diff,link} and, above a parent, {lower,work,merged}; and overlay2/l/<link>.
   * @throws BerthError ALREADY_EXISTS; UNSUPPORTED beyond 128 layers
   */
  create(id: string, parentId?: string): OverlayPaths;
  /** A missing one is no error. Nothing may be mounted on it. */
  remove(id: string): Promise<void>;
  paths(id: string): OverlayPaths;
  /** The 26 characters of one directory. */
  link(id: string): string;
  /** What lies below `id`, topmost first, each `l/<link>`; empty for a base. */
  lowerLinks(id: string): string[];
}
