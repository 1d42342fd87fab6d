import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import { parseReference, type Reference } from "../../oci/reference.js";
import { openArchive } from "../archive/open-archive.js";
import { installImage, type InstallOptions } from "../install/install-image.js";
import { openWritableStore } from "../store/local-store.js";
import { SourceProvider } from "./source-provider.js";

export interface LoadedImage {
  readonly id: Digest;
  /** The names that the archive gave it. */
  readonly references: readonly Reference[];
}

/**
 * Brings the image of an archive (see openArchive) into the store below `root`, under the names that the archive has for it.
 * @throws BerthError ARCHIVE_INVALID, IMAGE_UNKNOWN, and what installing throws; nothing is left then
 */
export async function loadImage(root: string, archive: string, options: InstallOptions = {}): Promise<LoadedImage> {
  const source = await openArchive(archive);
  try {
    const references = source.names.flatMap(referenceIn);
    const { id } = await installImage(openWritableStore(root), new SourceProvider(source), () => references, options);
    return { id, references };
  } catch (error) {
    if (options.signal?.aborted === true) throw new BerthError("ABORTED", "the load was cancelled", { cause: error });
    throw error;
  } finally {
    await source.close();
  }
}

/** A layout may have nothing but a tag as its name: that is no reference. */
function referenceIn(name: string): Reference[] {
  if (!name.includes(":") && !name.includes("/")) return [];
  try {
    return [parseReference(name)];
  } catch (error) {
    if (isBerthError(error)) return [];
    throw error;
  }
}
