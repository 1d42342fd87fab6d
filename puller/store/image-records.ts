import type { Digest } from "../../oci/digest.js";
import type { FileContentStore } from "./content-store.js";
import type { DistributionIndex } from "./distribution-index.js";
import type { LayerDatabase } from "./layer-store.js";
import type { Image } from "./local-store-contract.js";
import type { Overlay2Directories } from "./overlay-directories.js";
import type { Repositories } from "./repositories.js";
import type { StatePaths } from "./state-paths.js";

/** What images are made of. */
export interface StoreParts {
  readonly paths: StatePaths;
  readonly layers: LayerDatabase;
  readonly content: FileContentStore;
  readonly overlay: Overlay2Directories;
  readonly distribution: DistributionIndex;
}

/** Images as they are on record, for those who change them under the images lock. */
export interface ImageRecords {
  repositories(): Repositories;
  ids(): Digest[];
  /** @throws BerthError IMAGE_UNKNOWN, CONFLICT, REFERENCE_INVALID */
  resolve(refOrId: string, repositories: Repositories): Digest;
  /** @throws BerthError IMAGE_UNKNOWN, STORAGE */
  load(id: Digest, repositories: Repositories): Image;
}
