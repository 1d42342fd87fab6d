/**
 * Every error that berth raises on purpose. `code` is stable and is what callers branch on; `message` is one line for
 * people and says what to do; `details` is plain data for logs and JSON bodies. Rooms never throw anything else
 * deliberately, and never catch what they cannot handle.
 */
export class BerthError extends Error {
  override readonly name = "BerthError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.details = options.details ?? {};
  }

  readonly details: Readonly<Record<string, unknown>>;
}

export type ErrorCode =
  // malformed input
  | "DIGEST_INVALID"
  | "REFERENCE_INVALID"
  | "NAME_INVALID"
  | "TAG_INVALID"
  | "MANIFEST_INVALID"
  | "CONFIG_INVALID"
  | "ARCHIVE_INVALID"
  | "LAYER_INVALID"
  | "SIZE_INVALID"
  | "RANGE_INVALID"
  | "PAGINATION_INVALID"
  | "TOKEN_REQUEST_INVALID"
  | "USAGE"
  // something is not there
  | "NAME_UNKNOWN"
  | "MANIFEST_UNKNOWN"
  | "MANIFEST_BLOB_UNKNOWN"
  | "BLOB_UNKNOWN"
  | "UPLOAD_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "IMAGE_UNKNOWN"
  | "CONTAINER_UNKNOWN"
  | "PLATFORM_UNKNOWN"
  | "OBJECT_UNKNOWN"
  // state that forbids the operation
  | "ALREADY_EXISTS"
  | "CONFLICT"
  | "CONTAINER_STATE"
  | "IMAGE_IN_USE"
  | "UNSUPPORTED"
  // the other side
  | "UNAUTHORIZED"
  | "DENIED"
  | "TOO_MANY_REQUESTS"
  | "TOO_LARGE"
  | "UPSTREAM"
  | "NETWORK"
  | "ABORTED"
  | "TIMEOUT"
  | "UNAVAILABLE"
  // the host
  | "NO_SPACE"
  | "PRIVILEGE"
  | "CONTROLLER_MISSING"
  | "ADDRESS_IN_USE"
  | "STORAGE"
  | "NATIVE"
  // the command inside a container (docker's exit codes 126 and 127)
  | "COMMAND_NOT_EXECUTABLE"
  | "COMMAND_NOT_FOUND";

export function isBerthError(error: unknown, ...codes: ErrorCode[]): error is BerthError {
  return error instanceof BerthError && (codes.length === 0 || codes.includes(error.code));
}

/** The errno name (`ENOENT`, ...) of a Node system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}
