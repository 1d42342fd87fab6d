import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { chainIdsOf } from "../../oci/chain-id.js";
import { digestOf, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { parseImageConfig } from "../../oci/image-config.js";
import type { Reference } from "../../oci/reference.js";
import { adoptDirectories, syncFilesystem, type UnpackResult } from "../../runtime-native/index.js";
import { writeDurably } from "./durable-file.js";
import type { WritableStore } from "./local-store.js";
import { withImagesLocked } from "./store-locks.js";

/** A layer that was unpacked and verified into `directory`/diff, and perhaps its compressed bytes. */
export interface StagedLayer {
  readonly cacheId: string;
  /** In the staging session; becomes overlay2/<cacheId>. */
  readonly directory: string;
  readonly unpacked: Pick<UnpackResult, "contentSize" | "impliedDirectories">;
}

export interface ImageToCommit {
  readonly config: Uint8Array;
  /** By ChainID, as one DiffID may come twice; those already on record may be missing here. */
  readonly layers: ReadonlyMap<Digest, StagedLayer>;
  /** Verified files that go into the content store. */
  readonly blobs: ReadonlyMap<Digest, string>;
  readonly manifest?: Digest;
  /** Which blob holds which DiffID, and in which repository it was seen. */
  readonly origins: readonly { readonly diffId: Digest; readonly digest: Digest; readonly repository?: string }[];
  readonly references: readonly Reference[];
}

export interface CommittedImage {
  readonly id: Digest;
  /** Whether the image was already here with all these references. */
  readonly unchanged: boolean;
}

/**
 * Makes an image visible: directories of layers in chain order, then what names them, each step durable before the next.
 * A layer that another process has committed meanwhile is used and ours is left in the staging session.
 * @throws BerthError CONFLICT when a layer is neither staged nor on record (any more)
 */
export async function commitImage(store: WritableStore, image: ImageToCommit): Promise<CommittedImage> {
  const { paths } = store;
  const id = digestOf(image.config);
  const { diff_ids: diffIds } = parseImageConfig(image.config).rootfs;
  const chainIds = chainIdsOf(diffIds);
  mkdirSync(paths.overlay, { recursive: true });
  return withImagesLocked(paths, async () => {
    const lowers: string[] = [];
    let parent: { chainId: Digest; cacheId: string } | undefined;
    for (const [i, chainId] of chainIds.entries()) {
      const diffId = diffIds[i] as Digest;
      const known = store.layers.find(chainId);
      const cacheId = known?.cacheId ?? (await placeLayer(store, image, chainId, parent?.cacheId, lowers));
      if (known === undefined) {
        const size = image.layers.get(chainId)?.unpacked.contentSize ?? 0;
        store.layers.record({ chainId, diffId, cacheId, size, ...(parent && { parent: parent.chainId }) });
      }
      lowers.unshift(store.overlay.paths(cacheId).diff);
      parent = { chainId, cacheId };
    }
    for (const [digest, file] of image.blobs) store.content.adopt(file, digest);
    for (const { diffId, digest, repository } of image.origins) store.distribution.remember(diffId, digest, repository);
    const metadata = paths.imageMetadataOf(id);
    mkdirSync(metadata, { recursive: true, mode: 0o700 });
    if (image.manifest !== undefined) writeFileSync(join(metadata, "manifest"), image.manifest);
    await syncFilesystem(paths.root);

    const repositories = store.images.repositories();
    const unchanged = store.images.has(id) && image.references.every((name) => repositories.get(name) === id);
    if (unchanged) return { id, unchanged };
    await writeDurably(paths.imageConfig(id), image.config);
    writeFileSync(join(metadata, "lastUpdated"), new Date().toISOString());
    for (const reference of image.references) repositories.set(reference, id);
    await repositories.save();
    return { id, unchanged };
  });
}

async function placeLayer(
  { overlay }: WritableStore,
  image: ImageToCommit,
  chainId: Digest,
  parentId: string | undefined,
  lowers: readonly string[],
): Promise<string> {
  const staged = image.layers.get(chainId);
  if (staged === undefined) {
    throw new BerthError("CONFLICT", `layer ${chainId} has been removed by somebody else: try again`);
  }
  const { impliedDirectories } = staged.unpacked;
  if (lowers.length > 0 && impliedDirectories.length > 0) {
    await adoptDirectories(join(staged.directory, "diff"), lowers, impliedDirectories);
  }
  overlay.adopt(staged.directory, staged.cacheId, parentId);
  return staged.cacheId;
}
