import { createReadStream, createWriteStream, openSync, readSync, closeSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

import { BerthError, errnoOf } from "../../oci/errors.js";
import { DirectoryTree, type FileTree } from "./blob-files.js";
import { openDockerArchive } from "./docker-archive.js";
import type { ImageSource } from "./image-source.js";
import { openOciLayout } from "./oci-layout.js";
import { TarTree } from "./tar-tree.js";

const TRANSPORT = /^(?:oci|oci-archive|docker-archive):/;

/** Whether something is at `text`, read as PATH, PATH:NAME or with skopeo's transport in front. */
export function namesArchive(text: string): boolean {
  return locate(text) !== undefined;
}

/**
 * An OCI layout directory or tar, or a `docker save` archive; tars may be gzipped. `text` is PATH or PATH:NAME, with or
 * without skopeo's `oci:`, `oci-archive:` or `docker-archive:` in front. close() removes what was spooled.
 * @throws BerthError ARCHIVE_INVALID, IMAGE_UNKNOWN
 */
export async function openArchive(text: string): Promise<ImageSource> {
  const location = locate(text);
  if (location === undefined) throw new BerthError("ARCHIVE_INVALID", `${text}: no such file or directory`);
  const { path, name } = location;
  const spool = await mkdtemp(join(tmpdir(), "berth-archive-"));
  const discard = (): Promise<void> => rm(spool, { recursive: true, force: true });
  try {
    const tree = statSync(path).isDirectory() ? new DirectoryTree(path) : await openTar(path, spool);
    const source = await openTree(tree, path, spool, name);
    return { ...source, close: discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function openTree(tree: FileTree, path: string, spool: string, name: string | undefined): Promise<ImageSource> {
  // Newer `docker save` writes both; the layout has the digests that a registry had.
  if (tree.find("oci-layout") !== undefined && tree.find("index.json") !== undefined) return openOciLayout(tree, name);
  if (tree.find("manifest.json") !== undefined) {
    // Its manifest names files as it likes and without their digests: none of this host's may be pushed for a layer.
    const own = tree instanceof DirectoryTree ? new DirectoryTree(tree.directory, true) : tree;
    return openDockerArchive(own, spool, name);
  }
  throw new BerthError("ARCHIVE_INVALID", `${path} is neither an OCI image layout nor a docker save archive`);
}

async function openTar(path: string, spool: string): Promise<FileTree> {
  const fd = openSync(path, "r");
  const magic = Buffer.alloc(4);
  try {
    readSync(fd, magic, 0, 4, 0);
  } finally {
    closeSync(fd);
  }
  if (magic.readUInt32LE(0) === 0xfd2fb528) {
    throw new BerthError("UNSUPPORTED", `${path} is compressed with zstd: unpack it first (zstd -d)`);
  }
  if (magic[0] !== 0x1f || magic[1] !== 0x8b) return TarTree.read(path);
  const plain = join(spool, "archive.tar");
  try {
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain, { flags: "wx" }));
  } catch (cause) {
    if (errnoOf(cause) === "ENOSPC") throw cause;
    throw new BerthError("ARCHIVE_INVALID", `${path} is not whole: it cannot be uncompressed`, { cause });
  }
  return TarTree.read(plain);
}

function locate(text: string): { path: string; name?: string } | undefined {
  const rest = text.replace(TRANSPORT, "");
  if (exists(rest)) return { path: rest };
  for (let colon = rest.indexOf(":"); colon > 0; colon = rest.indexOf(":", colon + 1)) {
    const path = rest.slice(0, colon);
    if (exists(path)) return { path, name: rest.slice(colon + 1) };
  }
  return undefined;
}

function exists(path: string): boolean {
  return path !== "" && statSync(path, { throwIfNoEntry: false }) !== undefined;
}
