/** Contracts of the layer part of the addon: unpack to overlay form, pack from it. Digests are `sha256:<hex>` strings. */

export type Compression = "none" | "gzip" | "zstd";

export interface UnpackLimits {
  /** Bytes of file content and tar headers after inflation, and of files with their holes; 128 GiB unless told. */
  readonly maxUncompressedBytes: number;
  /** Uncompressed to compressed; looked at once 64 MiB have come out; 1000 unless told. */
  readonly maxRatio: number;
  /** 5 million unless told. */
  readonly maxEntries: number;
  /** Bytes of one path; at most, and unless told, 4095. */
  readonly maxPathBytes: number;
}

export interface UnpackOptions {
  /** An existing, empty directory that receives the overlay form of the layer. */
  readonly target: string;
  /** "auto" looks at the first bytes. */
  readonly compression: Compression | "auto";
  /** Compressed bytes are copied to this new file as they come (O_EXCL); not fsynced, not renamed. */
  readonly blobFile?: string;
  /** Checked at the end: a difference is an error and nothing of the layer may be used. */
  readonly expectedDigest?: string;
  readonly expectedSize?: number;
  readonly expectedDiffId?: string;
  readonly limits?: Partial<UnpackLimits>;
  /** Whiteout and opaque markers in the user.overlay.* form, for mounts with `userxattr`. */
  readonly userxattr?: boolean;
}

export interface UnpackResult {
  /** sha256 and count of the bytes that came in. */
  readonly digest: string;
  readonly size: number;
  /** sha256 and count of the tar. */
  readonly diffId: string;
  readonly uncompressedSize: number;
  /** Bytes of regular files, as Docker counts a layer's size. */
  readonly contentSize: number;
  readonly compression: Compression;
  readonly entries: number;
  /**
   * Directories that the layer's entries needed but did not describe, parents first, relative to `target` ("." included
   * when the root itself was not described): they must take over mode, owner, times and xattrs from the nearest lower layer (adoptDirectories).
   */
  readonly impliedDirectories: readonly string[];
  /** Things passed over that the user should know, one sentence each (such as an xattr the filesystem refuses). */
  readonly warnings: readonly string[];
}

/**
 * One layer on its way to disk, in native threads: bytes -> SHA-256 (and blobFile) -> inflate -> SHA-256 -> tar -> files, with
 * bounded queues between the steps.
 */
export interface LayerUnpacker {
  /**
   * The chunk is copied before this returns. Resolves when there is room for more; rejects with the first failure of the
   * pipeline. Writing on without waiting keeps the order and costs memory.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** No more bytes. Resolves when everything is written and verified. */
  finish(): Promise<UnpackResult>;
  /** Stops the threads (write() and finish() reject with code ABORTED); resolves when none runs any more. What was written stays for the caller to remove. Idempotent. */
  abort(): Promise<void>;
}

export interface PackOptions {
  /** Directory whose content becomes the layer. */
  readonly source: string;
  /** Receives the compressed tar: a new file (O_EXCL), or an open descriptor, which stays the caller's. */
  readonly output: string | number;
  readonly compression: Compression;
  /** 0: the compressor's default. */
  readonly level?: number;
  /** Overlay whiteouts and opaque markers become .wh. entries (commit); off: packed as they are (import). */
  readonly overlayWhiteouts: boolean;
}

export interface PackResult {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
  readonly uncompressedSize: number;
  readonly contentSize: number;
  readonly entries: number;
}
