import type { Digest } from "../../oci/digest.js";
import type { ImageRecords, StoreParts } from "./image-records.js";
import { KeptLayers } from "./kept-layers.js";
import type { Image } from "./local-store-contract.js";
import { claimDeadSessions } from "./staging-session.js";
import { withImagesLocked } from "./store-locks.js";

/** The manifests and indexes in the content store that belong to an image. */
export function imageRoots(image: Image): Digest[] {
  const named = image.repoDigests.map((name) => name.slice(name.indexOf("@") + 1) as Digest);
  return image.manifest === undefined ? named : [image.manifest, ...named];
}

/**
 * Removes what processes that died left behind: their staging directories, the overlay2 directories they had moved into
 * place or had begun to remove, and layers on record that no image has. Compressed layers that were whole are kept for the
 * next pull. Cheap when there is nothing.
 */
export async function sweepDeadSessions(images: ImageRecords, parts: StoreParts): Promise<void> {
  const dead = await claimDeadSessions(parts.paths);
  if (dead.length === 0) return;
  const { layers, overlay, paths } = parts;
  await withImagesLocked(paths, async () => {
    const repositories = images.repositories();
    const used = new Set(images.ids().flatMap((id) => images.load(id, repositories).chainIds));
    const noted = new Set(dead.flatMap((session) => session.cacheIds));
    for (const chainId of layers.list()) {
      const layer = layers.find(chainId);
      if (layer === undefined) continue;
      if (used.has(chainId)) noted.delete(layer.cacheId);
      else {
        layers.forget(chainId);
        noted.add(layer.cacheId);
      }
    }
    for (const cacheId of noted) await overlay.remove(cacheId);
  });
  const kept = new KeptLayers(paths);
  for (const session of dead) {
    for (const { digest, file } of session.wholeBlobs) kept.keep(digest, file);
    await session.end();
  }
}
