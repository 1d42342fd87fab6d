import { BerthError } from "../../oci/errors.js";

/** A remainder that is less than a part, in an object of the driver's own. */
export interface StoredTail {
  readonly key: string;
  readonly size: number;
}

/** What UploadWriter.suspend gives, as JSON: all that another process needs to go on. */
export interface UploadState {
  readonly size: number;
  /** Parts must be of one size (R2 insists), so that an upload keeps to the one it began with. */
  readonly partSize: number;
  /** ETags in the parts' order. */
  readonly parts: readonly string[];
  readonly multipart?: { readonly id: string; readonly nonce: string };
  /** Base64 of a remainder so small that it is kept in the state itself. */
  readonly inline?: string;
  readonly tail?: StoredTail;
  /** The state before this one may still be in force, so its tail is left until the next one. */
  readonly formerTail?: string;
}

export function parseUploadState(text: string): UploadState {
  try {
    return JSON.parse(text) as UploadState;
  } catch (cause) {
    throw new BerthError("STORAGE", "the state of an upload is damaged: it is not JSON", { cause });
  }
}
