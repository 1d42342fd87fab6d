import { rmSync } from "node:fs";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { familiarName, familiarReference, parseReference } from "../../oci/reference.js";
import { syncDirectory } from "./durable-file.js";
import type { ImageRecords, StoreParts } from "./image-records.js";
import { KeptLayers } from "./kept-layers.js";
import type { Image, ImageUser, Removal, RemoveOptions } from "./local-store-contract.js";
import { imageRoots } from "./orphans.js";
import { referencedBlobs } from "./referenced-blobs.js";
import { isDigestName, repositoryOf, type Repositories } from "./repositories.js";
import { StagingSession } from "./staging-session.js";
import { withImagesLocked } from "./store-locks.js";

/**
 * Docker's `rmi`: a name goes; with the last name goes the image, and with the image the layers and blobs that no other
 * image needs. Names go first and directories last, so that nothing on record ever lacks its files.
 */
export async function removeImage(
  images: ImageRecords,
  parts: StoreParts,
  refOrId: string,
  { force = false, users = () => [] }: RemoveOptions,
): Promise<Removal> {
  new KeptLayers(parts.paths).sweep();
  const session = await StagingSession.begin(parts.paths);
  try {
    return await withImagesLocked(parts.paths, async () => {
      const repositories = images.repositories();
      const image = images.load(images.resolve(refOrId, repositories), repositories);
      const untagged = namesToRemove(image, refOrId, force);
      const left = [...image.repoTags, ...image.repoDigests].filter((name) => !untagged.includes(name));
      const inUse = left.length > 0 ? [] : users(image.id);
      refuseWhileUsed(image, refOrId, inUse, force);
      await removeNames(repositories, untagged);
      if (left.length > 0 || inUse.length > 0) return { untagged, deleted: [] };
      return { untagged, deleted: await removeRecords(images, parts, image, session) };
    });
  } finally {
    await session.end();
  }
}

function namesToRemove(image: Image, refOrId: string, force: boolean): string[] {
  const all = [...image.repoTags, ...image.repoDigests];
  const name = nameAmong(all, refOrId);
  if (name === undefined) {
    if (!force && new Set(all.map(repositoryOf)).size > 1) {
      throw new BerthError(
        "CONFLICT",
        `unable to delete ${shortId(image)} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    return all;
  }
  // What only a digest names in a repository goes with the repository's last tag.
  const repository = repositoryOf(name);
  const siblings = all.filter((other) => other !== name && repositoryOf(other) === repository);
  return siblings.every(isDigestName) && !isDigestName(name) ? [name, ...siblings] : [name];
}

/** The name that `refOrId` stands for, or undefined when it is an ID. */
function nameAmong(names: readonly string[], refOrId: string): string | undefined {
  try {
    const reference = parseReference(refOrId);
    const key =
      reference.digest === undefined ? familiarReference(reference) : `${familiarName(reference)}@${reference.digest}`;
    return names.find((name) => name === key);
  } catch (error) {
    if (isBerthError(error)) return undefined;
    throw error;
  }
}

function refuseWhileUsed(image: Image, refOrId: string, users: readonly ImageUser[], force: boolean): void {
  const user = users.find(({ running }) => running) ?? users[0];
  if (user === undefined || (force && !user.running)) return;
  const container = user.containerId.slice(0, 12);
  throw new BerthError(
    "IMAGE_IN_USE",
    user.running
      ? `unable to remove ${refOrId} (cannot be forced) - image ${shortId(image)} is being used by running container ${container}`
      : `unable to remove ${refOrId} (must be forced) - container ${container} is using its image ${shortId(image)}`,
  );
}

async function removeNames(repositories: Repositories, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  for (const name of names) repositories.delete(name);
  await repositories.save();
}

async function removeRecords(
  images: ImageRecords,
  { paths, layers, content, overlay, distribution }: StoreParts,
  image: Image,
  session: StagingSession,
): Promise<Digest[]> {
  const repositories = images.repositories();
  const others = images.ids().filter((id) => id !== image.id);
  const othersLoaded = others.map((id) => images.load(id, repositories));
  const kept = new Set(othersLoaded.flatMap((other) => other.chainIds));
  const doomed = layers
    .stack(image)
    .filter((layer) => !kept.has(layer.chainId))
    .toReversed();
  const keptBlobs = referencedBlobs(content, othersLoaded.flatMap(imageRoots));
  session.note(doomed.map((layer) => layer.cacheId));

  rmSync(paths.imageConfig(image.id), { force: true });
  await syncDirectory(paths.imageConfigs);
  rmSync(paths.imageMetadataOf(image.id), { recursive: true, force: true });
  for (const layer of doomed) layers.forget(layer.chainId);
  for (const digest of referencedBlobs(content, imageRoots(image))) {
    if (keptBlobs.has(digest)) continue;
    content.remove(digest);
    distribution.forgetBlob(digest);
  }
  const keptDiffIds = new Set(othersLoaded.flatMap((other) => other.config.rootfs.diff_ids));
  for (const diffId of image.config.rootfs.diff_ids) if (!keptDiffIds.has(diffId)) distribution.forget(diffId);
  for (const layer of doomed) await overlay.remove(layer.cacheId);
  return [image.id, ...doomed.map((layer) => layer.chainId)];
}

function shortId(image: Image): string {
  return image.id.slice("sha256:".length, "sha256:".length + 12);
}
