import type { ObjectStore } from "../../storage/object-store.js";
import type { Registry } from "../registry.js";
import type { DistributionLayout } from "./distribution-layout.js";

/** One repository on its way in. */
export interface RepositoryImport {
  readonly store: ObjectStore;
  readonly layout: DistributionLayout;
  readonly registry: Registry;
  readonly repository: string;
  readonly report: (kind: "lost" | "kept", what: string, why: string) => void;
}

/** Blobs, manifests or tags looked at together. */
export const IMPORTED_AT_ONCE = 16;
