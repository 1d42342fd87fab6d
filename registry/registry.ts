import type { ObjectStore } from "../storage/object-store.js";
import { BlobStore } from "./storage/blob-store.js";
import { ManifestStore } from "./storage/manifest-store.js";
import { ReferrerStore } from "./storage/referrer-store.js";
import { RepositoryCatalog } from "./storage/repository-catalog.js";
import { TagStore } from "./storage/tag-store.js";
import { UploadRegistry } from "./uploads/upload-registry.js";

/** What the handlers serve from. */
export interface Registry {
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly referrers: ReferrerStore;
  readonly catalog: RepositoryCatalog;
  readonly uploads: UploadRegistry;
  readonly limits: RegistryLimits;
}

export interface RegistryLimits {
  /** distribution-spec, "Pushing Manifests": at least 4 MiB. */
  readonly manifestBytes: number;
}

export function registryOn(store: ObjectStore, limits: RegistryLimits): Registry {
  const blobs = new BlobStore(store);
  const referrers = new ReferrerStore(store);
  return {
    blobs,
    referrers,
    manifests: new ManifestStore(store, blobs, referrers),
    tags: new TagStore(store),
    catalog: new RepositoryCatalog(store),
    uploads: new UploadRegistry(store, blobs),
    limits,
  };
}
