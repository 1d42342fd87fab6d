import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError } from "../../oci/errors.js";
import type { Reference } from "../../oci/reference.js";
import type { ImageSource } from "../archive/image-source.js";
import { namesArchive, openArchive } from "../archive/open-archive.js";
import type { Image } from "../store/local-store-contract.js";
import { openWritableStore, type WritableStore } from "../store/local-store.js";
import { pushImage, type PushedImage, type PushOptions } from "./push-image.js";
import { openStoredImage } from "./stored-image.js";

/** What is written with a slash in front, a dot or a transport can only be a path. */
const PATH = /^(?:\.{0,2}\/|\.{1,2}$|oci:|oci-archive:|docker-archive:)/;

/**
 * Pushes `source`: an image of the local store below `root`, or an archive (see openArchive). A name of the store wins
 * over a file of the same name; write `./file` for that.
 * @throws BerthError IMAGE_UNKNOWN, ARCHIVE_INVALID and what pushImage throws
 */
export async function pushSource(
  root: string,
  source: string,
  target: Reference,
  options: PushOptions = {},
): Promise<PushedImage> {
  const store = openWritableStore(root);
  const { opened, imageId } = await openSource(store, source);
  try {
    const pushed = await pushImage(opened, target, options);
    if (imageId !== undefined) await store.images.recordPush(imageId, target, pushed.digest);
    return pushed;
  } finally {
    await opened.close();
  }
}

async function openSource(store: WritableStore, source: string): Promise<{ opened: ImageSource; imageId?: Digest }> {
  if (PATH.test(source)) return { opened: await openArchive(source) };
  let image: Image;
  try {
    image = store.images.find(source);
  } catch (error) {
    if (!isBerthError(error, "IMAGE_UNKNOWN", "REFERENCE_INVALID", "CONFLICT")) throw error;
    if (namesArchive(source)) return { opened: await openArchive(source) };
    if (isBerthError(error, "CONFLICT")) throw error;
    throw new BerthError("IMAGE_UNKNOWN", `${source}: no such image in the local store, and no such file or directory`);
  }
  return { opened: openStoredImage(store, image), imageId: image.id };
}
