import { BerthError, errnoOf } from "../../oci/errors.js";

/** Too much is open, or a network's file system is away. */
const PASSING = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN"]);

/** What the operating system said, in the contract's terms. */
export function storageFault(cause: unknown, doing: string): BerthError {
  if (cause instanceof BerthError) return cause;
  const errno = errnoOf(cause);
  const details = { errno: errno ?? "unknown" };
  if (errno === "ENOSPC" || errno === "EDQUOT") {
    return new BerthError("NO_SPACE", `no space left while ${doing}: free some and try again`, { cause, details });
  }
  if (errno !== undefined && PASSING.has(errno)) {
    return new BerthError("UNAVAILABLE", `storage cannot be used now (while ${doing}): ${errno}`, { cause, details });
  }
  const why = errno ?? (cause instanceof Error ? cause.message : String(cause));
  return new BerthError("STORAGE", `storage failed while ${doing}: ${why}`, { cause, details });
}

export function unknownObject(key: string): BerthError {
  return new BerthError("OBJECT_UNKNOWN", `no object ${key}`);
}
