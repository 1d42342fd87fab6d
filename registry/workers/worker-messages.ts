import type { ErrorCode } from "../../oci/errors.js";

/** Environment variable with the WorkerRole of a forked worker, as JSON. */
export const ROLE_VARIABLE = "BERTH_WORKER";

/** What the primary decides for a worker. */
export interface WorkerRole {
  /** Numbered from 0; a worker that takes the place of a dead one has its number. */
  readonly slot: number;
}

/** Sent once, when the worker serves or has failed to. */
export type WorkerReport =
  | { readonly kind: "serving"; readonly url: string }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** To a worker: let requests end, then end. */
export const STOP = "stop";
