import { BerthError } from "../../oci/errors.js";

export function unknownUpload(id: string): BerthError {
  return new BerthError("UPLOAD_UNKNOWN", "there is no such upload in this repository: start a new one", {
    details: { id },
  });
}

/** @param size from which to go on once the other request has ended */
export function busyUpload(id: string, size: number): BerthError {
  return new BerthError("RANGE_INVALID", "another request is writing to this upload", { details: { id, size } });
}
