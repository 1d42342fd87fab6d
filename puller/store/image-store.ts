import { join } from "node:path";

import { chainIdsOf } from "../../oci/chain-id.js";
import { isDigest, type Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { parseImageConfig } from "../../oci/image-config.js";
import { parseManifest } from "../../oci/manifest.js";
import { familiarName, familiarReference, parseReference, type Reference } from "../../oci/reference.js";
import { sha256 } from "../../runtime-native/index.js";
import { writeDurably } from "./durable-file.js";
import type { ImageRecords, StoreParts } from "./image-records.js";
import { removeImage } from "./image-removal.js";
import type { Image, ImageStore, Removal, RemoveOptions } from "./local-store-contract.js";
import { namesIn, readIfThere } from "./read-if-there.js";
import { isDigestName, Repositories } from "./repositories.js";
import { withImagesLocked } from "./store-locks.js";

export class ImageDatabase implements ImageStore, ImageRecords {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  find(refOrId: string): Image {
    const repositories = this.repositories();
    return this.load(this.resolve(refOrId, repositories), repositories);
  }

  list(): Image[] {
    const repositories = this.repositories();
    return this.ids()
      .map((id) => this.load(id, repositories))
      .sort((a, b) => (b.config.created ?? "").localeCompare(a.config.created ?? "") || (a.id < b.id ? -1 : 1));
  }

  async tag(refOrId: string, target: string): Promise<void> {
    const reference = parseReference(target);
    if (reference.digest !== undefined) {
      throw new BerthError("USAGE", `cannot tag as ${JSON.stringify(target)}: a digest cannot be chosen, leave it out`);
    }
    const { paths } = this.#parts;
    await withImagesLocked(paths, async () => {
      const repositories = this.repositories();
      const id = this.resolve(refOrId, repositories);
      if (repositories.get(reference) === id) return;
      await writeDurably(join(paths.imageMetadataOf(id), "lastUpdated"), new Date().toISOString());
      repositories.set(reference, id);
      await repositories.save();
    });
  }

  /** Notes that a repository now has the image's manifest, and which blobs. */
  async recordPush(id: Digest, target: Reference, manifest: Digest): Promise<void> {
    const { paths, content, distribution } = this.#parts;
    await withImagesLocked(paths, async () => {
      const repositories = this.repositories();
      const pushed = parseManifest(content.read(manifest));
      if (!this.has(id) || pushed.kind !== "manifest") return;
      const { diff_ids: diffIds } = this.load(id, repositories).config.rootfs;
      for (const [i, diffId] of diffIds.entries()) {
        const layer = pushed.layers[i];
        if (layer !== undefined) distribution.remember(diffId, layer.digest, familiarName(target));
      }
      repositories.set({ registry: target.registry, repository: target.repository, digest: manifest }, id);
      await repositories.save();
    });
  }

  remove(refOrId: string, options: RemoveOptions = {}): Promise<Removal> {
    return removeImage(this, this.#parts, refOrId, options);
  }

  repositories(): Repositories {
    return Repositories.load(this.#parts.paths.repositories);
  }

  ids(): Digest[] {
    return namesIn(this.#parts.paths.imageConfigs)
      .map((hex) => `sha256:${hex}`)
      .filter(isDigest);
  }

  has(id: Digest): boolean {
    return readIfThere(this.#parts.paths.imageConfig(id)) !== undefined;
  }

  /** @throws BerthError IMAGE_UNKNOWN, CONFLICT, REFERENCE_INVALID */
  resolve(refOrId: string, repositories: Repositories): Digest {
    const prefix = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(refOrId)?.[1];
    let invalid: Error | undefined;
    try {
      const reference = parseReference(refOrId);
      const named = refOrId.startsWith("sha256:") ? undefined : repositories.get(reference);
      if (named !== undefined && this.has(named)) return named;
    } catch (error) {
      if (!isBerthError(error)) throw error;
      invalid = error;
    }
    if (prefix !== undefined) {
      const matches = this.ids().filter((id) => id.startsWith(`sha256:${prefix}`));
      if (matches.length > 1) {
        throw new BerthError(
          "CONFLICT",
          `several images have an ID that begins with ${prefix}: write more digits of it`,
        );
      }
      if (matches[0] !== undefined) return matches[0];
    } else if (invalid !== undefined) throw invalid;
    throw new BerthError("IMAGE_UNKNOWN", `No such image: ${displayed(refOrId)}`);
  }

  load(id: Digest, repositories: Repositories): Image {
    const { paths, layers } = this.#parts;
    const bytes = readIfThere(paths.imageConfig(id));
    if (bytes === undefined) throw new BerthError("IMAGE_UNKNOWN", `No such image: ${id}`);
    if (sha256(bytes) !== id) {
      throw new BerthError("STORAGE", `${paths.imageConfig(id)} is damaged: remove it and pull the image again`);
    }
    const config = parseImageConfig(Buffer.from(bytes));
    const chainIds = chainIdsOf(config.rootfs.diff_ids, sha256);
    const names = repositories.namesOf(id);
    const manifest = readIfThere(join(paths.imageMetadataOf(id), "manifest"));
    const lastTagTime = readIfThere(join(paths.imageMetadataOf(id), "lastUpdated"));
    return {
      id,
      config,
      chainIds,
      repoTags: names.filter((name) => !isDigestName(name)),
      repoDigests: names.filter(isDigestName),
      // Asked for by few, and a read for each layer.
      get size() {
        return layers.stack({ id, chainIds }).reduce((sum, layer) => sum + layer.size, 0);
      },
      ...(manifest !== undefined && isDigest(manifest) && { manifest }),
      ...(lastTagTime !== undefined && { lastTagTime }),
    };
  }
}

function displayed(refOrId: string): string {
  try {
    return familiarReference(parseReference(refOrId));
  } catch {
    return refOrId;
  }
}
