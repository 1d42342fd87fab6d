import { BerthError } from "../oci/errors.js";
import { FilesystemObjectStore } from "./filesystem/filesystem-object-store.js";
import type { ObjectStore } from "./object-store.js";
import type { S3Settings } from "./s3/s3-settings.js";

/** One of the two. */
export interface StoreSettings {
  readonly filesystem?: { readonly root: string; readonly stripedFrom?: number | undefined } | undefined;
  readonly s3?: S3Settings | undefined;
}

/**
 * Opens the store that the settings name. A store that does not keep conditional creations is opened all the same:
 * StoreTraits.conditionalCreate tells.
 * @throws BerthError USAGE when none is named; STORAGE, NO_SPACE when it cannot be used
 */
export async function openStore({ filesystem, s3 }: StoreSettings): Promise<ObjectStore> {
  if (s3 !== undefined) {
    // The SDK takes a tenth of a second to load.
    const { S3ObjectStore } = await import("./s3/s3-object-store.js");
    return await S3ObjectStore.open(s3);
  }
  if (filesystem !== undefined) return await FilesystemObjectStore.open(filesystem.root, filesystem.stripedFrom);
  throw new BerthError("USAGE", "a registry needs a directory or a bucket to keep its content in");
}

/** For people: a directory, or `s3://bucket/prefix`. */
export function placeOfStore({ filesystem, s3 }: StoreSettings): string {
  return s3 === undefined ? (filesystem?.root ?? "nowhere") : `s3://${s3.bucket}/${s3.prefix ?? ""}`;
}
