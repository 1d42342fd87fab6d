import { createReadStream, openSync, readSync, realpathSync, statSync, closeSync } from "node:fs";
import { Readable } from "node:stream";

import { algorithmOf, digestOf, hexOf, type Digest } from "../../oci/digest.js";
import { BerthError, errnoOf } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";

/** Where a file's bytes are: a file of its own, or a stretch of a tar. */
export interface FileExtent {
  readonly path: string;
  readonly start: number;
  readonly size: number;
}

/** Named files of a directory or of a tar, such as `index.json` or `blobs/sha256/...`. */
export interface FileTree {
  /** Undefined when there is no such regular file. */
  find(name: string): FileExtent | undefined;
}

const MAX_JSON = 8 * 1024 * 1024;

/** For JSON documents. @throws BerthError ARCHIVE_INVALID */
export function readSmall(tree: FileTree, name: string): Buffer {
  const extent = tree.find(name);
  if (extent === undefined) throw new BerthError("ARCHIVE_INVALID", `the archive has no ${name}`);
  if (extent.size > MAX_JSON) throw new BerthError("ARCHIVE_INVALID", `${name} in the archive is too long`);
  return readExtent(extent);
}

function readExtent({ path, start, size }: FileExtent): Buffer {
  const bytes = Buffer.alloc(size);
  const fd = openSync(path, "r");
  try {
    let filled = 0;
    while (filled < size) {
      const count = readSync(fd, bytes, filled, size - filled, start + filled);
      if (count === 0) throw new BerthError("ARCHIVE_INVALID", `${path} ends too early`);
      filled += count;
    }
  } finally {
    closeSync(fd);
  }
  return bytes;
}

export function streamExtent({ path, start, size }: FileExtent): Readable {
  if (size === 0) return Readable.from([]);
  return createReadStream(path, { start, end: start + size - 1, highWaterMark: 256 * 1024 });
}

/** @throws BerthError MANIFEST_BLOB_UNKNOWN, SIZE_INVALID */
export function findBlob(tree: FileTree, blob: Descriptor): FileExtent {
  const extent = tree.find(blobName(blob.digest));
  if (extent === undefined) {
    throw new BerthError("MANIFEST_BLOB_UNKNOWN", `the archive's manifest names ${blob.digest}, which is not in it`);
  }
  if (extent.size !== blob.size) {
    throw new BerthError("SIZE_INVALID", `${blob.digest} in the archive has another size than its manifest says`);
  }
  return extent;
}

/** @throws BerthError DIGEST_INVALID, ARCHIVE_INVALID, MANIFEST_BLOB_UNKNOWN, SIZE_INVALID */
export function readBlob(tree: FileTree, blob: Descriptor): Buffer {
  findBlob(tree, blob);
  const bytes = readSmall(tree, blobName(blob.digest));
  if (digestOf(bytes, algorithmOf(blob.digest)) !== blob.digest) {
    throw new BerthError("DIGEST_INVALID", `${blob.digest} in the archive has another digest`);
  }
  return bytes;
}

export function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

export class DirectoryTree implements FileTree {
  /** @param confined files outside of the directory, by `..` or by a symbolic link, are not found */
  constructor(
    readonly directory: string,
    private readonly confined = false,
  ) {}

  find(name: string): FileExtent | undefined {
    const path = `${this.directory}/${name}`;
    try {
      if (this.confined && !realpathSync(path).startsWith(`${realpathSync(this.directory)}/`)) return undefined;
      const stat = statSync(path);
      return stat.isFile() ? { path, start: 0, size: stat.size } : undefined;
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  }
}
