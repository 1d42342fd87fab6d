import { FileContentStore } from "./content-store.js";
import { DistributionIndex } from "./distribution-index.js";
import type { StoreParts } from "./image-records.js";
import { ImageDatabase } from "./image-store.js";
import { KeptLayers } from "./kept-layers.js";
import { LayerDatabase } from "./layer-store.js";
import type { Hold, LocalStore } from "./local-store-contract.js";
import { Overlay2Directories } from "./overlay-directories.js";
import { StatePaths } from "./state-paths.js";
import { lockState } from "./store-locks.js";

/** What the verbs that change images work on. */
export interface WritableStore extends LocalStore, StoreParts {
  readonly images: ImageDatabase;
  readonly layers: LayerDatabase;
  readonly content: FileContentStore;
  readonly overlay: Overlay2Directories;
  readonly kept: KeptLayers;
}

/** Opens the state below `root` without touching the disk: what is missing is made by the first write. */
export function openLocalStore(root: string): LocalStore {
  return openWritableStore(root);
}

export function openWritableStore(root: string): WritableStore {
  const paths = new StatePaths(root);
  const overlay = new Overlay2Directories(paths.overlay);
  const parts = {
    paths,
    overlay,
    layers: new LayerDatabase(paths, overlay),
    content: new FileContentStore(paths),
    distribution: new DistributionIndex(paths),
  };
  return {
    root,
    ...parts,
    kept: new KeptLayers(paths),
    images: new ImageDatabase(parts),
    hold: (): Promise<Hold> => lockState(paths, "images", "shared"),
  };
}
