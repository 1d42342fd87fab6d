import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hexOf, isDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { Image, LayerRecord, LayerStore, OverlayDirectories } from "./local-store-contract.js";
import { namesIn, readIfThere } from "./read-if-there.js";
import type { StatePaths } from "./state-paths.js";

/** layerdb: which overlay2 directory holds which ChainID. */
export class LayerDatabase implements LayerStore {
  readonly #paths: StatePaths;
  readonly #overlay: OverlayDirectories;

  constructor(paths: StatePaths, overlay: OverlayDirectories) {
    this.#paths = paths;
    this.#overlay = overlay;
  }

  stack(image: Pick<Image, "id" | "chainIds">): LayerRecord[] {
    return image.chainIds.map((chainId) => {
      const layer = this.find(chainId);
      if (layer !== undefined) return layer;
      throw new BerthError("STORAGE", `layer ${chainId} of image ${image.id} is missing: pull the image again`);
    });
  }

  find(chainId: Digest): LayerRecord | undefined {
    const directory = this.#paths.layer(chainId);
    const cacheId = readIfThere(join(directory, "cache-id"));
    if (cacheId === undefined) return undefined;
    const diffId = readIfThere(join(directory, "diff")) ?? "";
    const parent = readIfThere(join(directory, "parent"));
    const size = Number(readIfThere(join(directory, "size")));
    if (!/^[0-9a-z-]{1,100}$/.test(cacheId) || !isDigest(diffId) || !Number.isSafeInteger(size)) {
      throw new BerthError("STORAGE", `${directory} is damaged: remove it and pull the image again`);
    }
    const link = this.#overlay.link(cacheId);
    return { chainId, diffId, cacheId, link, size, ...(parent !== undefined && isDigest(parent) && { parent }) };
  }

  /** All ChainIDs on record. */
  list(): Digest[] {
    return namesIn(this.#paths.layers)
      .map((hex) => `sha256:${hex}` as const)
      .filter(isDigest);
  }

  /** Appears whole or not at all; durable once the caller has synced the filesystem. */
  record(layer: Omit<LayerRecord, "link">): void {
    const directory = this.#paths.layer(layer.chainId);
    const staged = join(this.#paths.layers, `.${hexOf(layer.chainId)}`);
    rmSync(staged, { recursive: true, force: true });
    mkdirSync(staged, { recursive: true, mode: 0o700 });
    writeFileSync(join(staged, "diff"), layer.diffId);
    writeFileSync(join(staged, "size"), String(layer.size));
    writeFileSync(join(staged, "cache-id"), layer.cacheId);
    if (layer.parent !== undefined) writeFileSync(join(staged, "parent"), layer.parent);
    renameSync(staged, directory);
  }

  /** Forgets a layer; its overlay2 directory is the caller's to remove afterwards. */
  forget(chainId: Digest): void {
    const doomed = join(this.#paths.layers, `.${hexOf(chainId)}`);
    rmSync(doomed, { recursive: true, force: true });
    renameSync(this.#paths.layer(chainId), doomed);
    rmSync(doomed, { recursive: true, force: true });
  }
}
