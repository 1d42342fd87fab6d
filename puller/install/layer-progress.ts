import type { Digest } from "../../oci/digest.js";

export type LayerState = "waiting" | "exists" | "downloading" | "complete" | "mounted";

/** What happened to one layer. `id` is the digest of its compressed bytes. */
export interface LayerProgress {
  readonly id: Digest;
  readonly state: LayerState;
  /** Compressed bytes so far, and in all. */
  readonly current: number;
  readonly total: number;
  /** With "mounted": the repository that had it. */
  readonly from?: string;
}

export type OnLayerProgress = (progress: LayerProgress) => void;
