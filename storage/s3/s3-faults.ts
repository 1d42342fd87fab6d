import { BerthError, errnoOf } from "../../oci/errors.js";

interface S3Answer {
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** S3's error code, or the errno of the connection. */
  readonly code: string;
  /** How often the request was sent. */
  readonly attempts: number;
}

/** What the SDK knows of a failed request. */
export function answerOf(error: unknown): S3Answer {
  const { $metadata, name } = error as {
    readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
    readonly name?: string;
  };
  const status = $metadata?.httpStatusCode;
  return {
    ...(status !== undefined && { status }),
    code: errnoOf(error) ?? name ?? "unknown",
    attempts: $metadata?.attempts ?? 1,
  };
}

const MISSING = new Set(["NoSuchKey", "NotFound", "NoSuchUpload"]);
/** Ceph's and MinIO's words for a quota or disks that are used up. */
const FULL = new Set(["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"]);

export function isMissing(error: unknown): boolean {
  const { status, code } = answerOf(error);
  return MISSING.has(code) || (status === 404 && code !== "NoSuchBucket");
}

/** The key exists, and the request asked that it should not. */
export function isPreconditionFailed(error: unknown): boolean {
  return answerOf(error).status === 412;
}

/** AWS, when several conditional requests for one key meet: none of them was carried out for this reason. */
export function isConflict(error: unknown): boolean {
  return answerOf(error).status === 409;
}

/** What the server said, in the contract's terms. */
export function s3Fault(cause: unknown, doing: string, bucket: string): BerthError {
  if (cause instanceof BerthError) return cause;
  const { status, code, attempts } = answerOf(cause);
  const details = { bucket, code, attempts, ...(status !== undefined && { status }) };
  const tries = `${String(attempts)} attempts`;
  const fault = (what: string): BerthError => new BerthError("STORAGE", what, { cause, details });
  if (FULL.has(code) || status === 507) {
    return new BerthError("NO_SPACE", `no space left in bucket ${bucket} while ${doing}: ${code}`, { cause, details });
  }
  if (code === "NoSuchBucket") {
    return new BerthError("UNAVAILABLE", `bucket ${bucket} does not exist (while ${doing})`, { cause, details });
  }
  if (status === 403 || status === 401) {
    return fault(`bucket ${bucket} refuses our credentials while ${doing}: ${code}`);
  }
  if (code === "CredentialsProviderError") {
    return fault(
      `no credentials for bucket ${bucket} were found: set storage.s3.accessKeyId or the usual AWS variables`,
    );
  }
  if (isPassing(status, cause)) {
    // What the SDK says besides may be an address that is no client's business.
    const what = `bucket ${bucket} did not answer while ${doing} (${tries}): ${code}`;
    return new BerthError("UNAVAILABLE", what, { cause, details });
  }
  const message = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
  const said = message === "" || message === code ? code : `${code}: ${message}`;
  return fault(`bucket ${bucket} failed while ${doing} (${tries}): ${said}`);
}

/** The server cannot be reached or cannot serve now, which says nothing of the request. */
function isPassing(status: number | undefined, cause: unknown): boolean {
  if (status === undefined) return cause instanceof Error && !(cause instanceof TypeError);
  return status >= 500 || status === 429;
}
