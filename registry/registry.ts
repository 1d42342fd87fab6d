import * as v from "valibot";

import type { ObjectStore } from "../storage/object-store.js";
import { uploadsSection, type UncommittedLimits } from "./config/uploads-section.js";
import { EventFeed } from "./events/event-feed.js";
import { ImmutableTags } from "./policy/immutable-tags.js";
import { Policies } from "./policy/policies.js";
import { Quotas } from "./policy/quotas.js";
import { RepositoryUsage } from "./policy/repository-usage.js";
import { RoomHolds } from "./policy/room-holds.js";
import { BlobStore } from "./storage/blob-store.js";
import { ManifestStore } from "./storage/manifest-store.js";
import { ReferrerStore } from "./storage/referrer-store.js";
import { RepositoryCatalog } from "./storage/repository-catalog.js";
import { TagStore } from "./storage/tag-store.js";
import { UncommittedUploads } from "./uploads/uncommitted-uploads.js";
import { UploadRegistry, type UploadOptions } from "./uploads/upload-registry.js";

/** What the handlers serve from. */
export interface Registry {
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly tags: TagStore;
  readonly referrers: ReferrerStore;
  readonly catalog: RepositoryCatalog;
  readonly uploads: UploadRegistry;
  readonly uncommitted: UncommittedUploads;
  readonly events: EventFeed;
  readonly policies: Policies;
  readonly immutableTags: ImmutableTags;
  readonly quotas: Quotas;
  readonly limits: RegistryLimits;
  /** Clients are sent to the store for blobs, where it has URLs for them. */
  readonly redirect: boolean;
}

export interface RegistryLimits {
  /** distribution-spec, "Pushing Manifests": at least 4 MiB. */
  readonly manifestBytes: number;
  /** Takes manifests that name blobs or manifests which the repository does not have. */
  readonly sparseManifests: boolean;
}

export interface RegistryParts {
  readonly limits: RegistryLimits;
  readonly uploads?: Omit<UploadOptions, "onLeft" | "onEnded">;
  /** The configuration's defaults when absent. */
  readonly uncommitted?: UncommittedLimits;
  /** True when absent. */
  readonly redirect?: boolean;
  /** None when absent. */
  readonly policies?: Policies;
  /** Heard by nobody when absent. */
  readonly events?: EventFeed;
}

export function registryOn(store: ObjectStore, parts: RegistryParts): Registry {
  const { limits, policies = new Policies([]), events = new EventFeed(() => undefined) } = parts;
  const blobs = new BlobStore(store);
  const referrers = new ReferrerStore(store);
  const manifests = new ManifestStore(store, blobs, referrers);
  const tags = new TagStore(store);
  const catalog = new RepositoryCatalog(store);
  const usage = new RepositoryUsage(store);
  const uploads = new UploadRegistry(store, blobs, {
    ...parts.uploads,
    onLeft: (id, size) => {
      uncommitted.left(id, size);
    },
    onEnded: (id) => {
      uncommitted.ended(id);
    },
  });
  const uncommitted = new UncommittedUploads(
    parts.uncommitted ?? v.parse(uploadsSection, {}),
    async (repository, id) => await uploads.size(repository, id),
  );
  return {
    blobs,
    referrers,
    manifests,
    tags,
    catalog,
    uploads,
    uncommitted,
    events,
    policies,
    immutableTags: new ImmutableTags(policies, tags, manifests),
    quotas: new Quotas({ policies, usage, holds: new RoomHolds(store), tags, catalog }),
    limits,
    redirect: parts.redirect ?? true,
  };
}
