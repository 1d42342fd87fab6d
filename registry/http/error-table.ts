import type { ErrorCode } from "../../oci/errors.js";

interface ErrorAnswer {
  readonly status: number;
  /** distribution-spec, "Error Codes"; UNKNOWN and UNAVAILABLE are Docker's. */
  readonly code: string;
  /** Of a 5xx: its message is for clients, because what is at fault lies beyond the registry. */
  readonly isTold?: boolean;
}

/** The one table from BerthError codes to what a client of the registry sees. What is not here is a fault of ours: 500. */
const TABLE: Partial<Record<ErrorCode, ErrorAnswer>> = {
  DIGEST_INVALID: { status: 400, code: "DIGEST_INVALID" },
  NAME_INVALID: { status: 400, code: "NAME_INVALID" },
  TAG_INVALID: { status: 400, code: "TAG_INVALID" },
  MANIFEST_INVALID: { status: 400, code: "MANIFEST_INVALID" },
  SIZE_INVALID: { status: 400, code: "SIZE_INVALID" },
  PAGINATION_INVALID: { status: 400, code: "PAGINATION_NUMBER_INVALID" },
  /** Docker's codes have none for it. */
  TOKEN_REQUEST_INVALID: { status: 400, code: "UNSUPPORTED" },
  BLOB_UPLOAD_INVALID: { status: 400, code: "BLOB_UPLOAD_INVALID" },
  NAME_UNKNOWN: { status: 404, code: "NAME_UNKNOWN" },
  MANIFEST_UNKNOWN: { status: 404, code: "MANIFEST_UNKNOWN" },
  BLOB_UNKNOWN: { status: 404, code: "BLOB_UNKNOWN" },
  UPLOAD_UNKNOWN: { status: 404, code: "BLOB_UPLOAD_UNKNOWN" },
  /** distribution answers 404 as well: what the manifest names is what is not found. */
  MANIFEST_BLOB_UNKNOWN: { status: 404, code: "MANIFEST_BLOB_UNKNOWN" },
  UNSUPPORTED: { status: 405, code: "UNSUPPORTED" },
  UNAUTHORIZED: { status: 401, code: "UNAUTHORIZED" },
  DENIED: { status: 403, code: "DENIED" },
  CONFLICT: { status: 409, code: "DENIED" },
  TOO_LARGE: { status: 413, code: "SIZE_INVALID" },
  RANGE_INVALID: { status: 416, code: "RANGE_INVALID" },
  TOO_MANY_REQUESTS: { status: 429, code: "TOOMANYREQUESTS" },
  NO_SPACE: { status: 507, code: "UNAVAILABLE", isTold: true },
  UPSTREAM: { status: 502, code: "UNAVAILABLE", isTold: true },
  UNAVAILABLE: { status: 503, code: "UNAVAILABLE", isTold: true },
  TIMEOUT: { status: 504, code: "UNAVAILABLE", isTold: true },
  ABORTED: { status: 499, code: "UNAVAILABLE" },
};

const FAULT: ErrorAnswer = { status: 500, code: "UNKNOWN" };

export function answerFor(code: ErrorCode): ErrorAnswer {
  return TABLE[code] ?? FAULT;
}
