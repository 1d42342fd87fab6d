import type { Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";

export function unknownUpload(id: string): BerthError {
  return new BerthError("UPLOAD_UNKNOWN", "there is no such upload in this repository: start a new one", {
    details: { id },
  });
}

/**
 * @param size from which to go on once the other request has ended
 * @param digest as what that request is committing it; absent when it is not, or that is not known
 */
export function busyUpload(id: string, size: number, digest?: Digest): BerthError {
  const message = `another request is ${digest === undefined ? "writing to" : "committing"} this upload`;
  return new BerthError("RANGE_INVALID", message, { details: { id, size, ...(digest !== undefined && { digest }) } });
}
