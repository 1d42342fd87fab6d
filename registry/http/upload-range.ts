import { BerthError } from "../../oci/errors.js";

export interface UploadRange {
  readonly start: number;
  /** Number of bytes. */
  readonly length: number;
}

/**
 * distribution-spec, "Pushing a blob in chunks": `Content-Range: <start>-<end>`, both inclusive, without a unit; some clients
 * write `bytes ` or `bytes=` before and `/<size>` or `/*` behind it.
 * @throws BerthError BLOB_UPLOAD_INVALID
 */
export function parseUploadRange(header: string): UploadRange {
  const [, first, last] = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim()) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (first === undefined || last === undefined || end < start) {
    throw new BerthError("BLOB_UPLOAD_INVALID", "Content-Range is not <first>-<last>", {
      details: { contentRange: header.slice(0, 100) },
    });
  }
  return { start, length: end - start + 1 };
}

/** The Range header of an upload's answers: what was received, inclusive; `0-0` also when that is nothing. */
export function uploadedRange(size: number): string {
  return `0-${String(Math.max(0, size - 1))}`;
}
