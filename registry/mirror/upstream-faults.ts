import { BerthError, isBerthError } from "../../oci/errors.js";

const NOT_THERE = ["MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"] as const;
const REFUSED = ["UNAUTHORIZED", "DENIED"] as const;
/** What only says that the upstream, or the way to it, is not well. */
const PASSING = ["UPSTREAM", "TIMEOUT", "UNAVAILABLE", "TOO_MANY_REQUESTS"] as const;
/** Faults of the upstream that another answer may not have, but a cached copy is better than waiting for it. */
const WRONG_ANSWERS = [
  "NETWORK",
  "DIGEST_INVALID",
  "SIZE_INVALID",
  "MANIFEST_INVALID",
  "TOO_LARGE",
  "UNSUPPORTED",
] as const;

const DEFAULT_RETRY_AFTER_MS = 10_000;

/**
 * What a failure of an upstream means to the mirror's own client: never 400s for faults that are not the client's, never the
 * upstream's challenge, nothing that the upstream has written. The cause goes to the log.
 * @param upstream host of the upstream
 */
export function mirrorFault(error: unknown, upstream: string, what: string): Error {
  if (!isBerthError(error)) return error instanceof Error ? error : new Error(String(error));
  const fault = (code: BerthError["code"], message: string, details = {}): BerthError =>
    new BerthError(code, message, { cause: error, details });
  if (isBerthError(error, ...NOT_THERE)) return fault(error.code, `${upstream} has no such ${what}`);
  if (isBerthError(error, ...REFUSED))
    return fault("DENIED", `${upstream} does not let this registry have the ${what}`);
  if (isBerthError(error, "TOO_MANY_REQUESTS")) {
    const retryAfter = retryAfterOf(error) ?? DEFAULT_RETRY_AFTER_MS;
    return fault("TOO_MANY_REQUESTS", `${upstream} wants fewer requests`, { retryAfter });
  }
  if (isBerthError(error, "ABORTED")) {
    return fault("UNAVAILABLE", "the registry is stopping", { retryAfter: DEFAULT_RETRY_AFTER_MS });
  }
  if (isTimeout(error)) return fault("TIMEOUT", `${upstream} does not answer in time`);
  if (isBerthError(error, "NETWORK")) return fault("UPSTREAM", `${upstream} cannot be reached`);
  if (isBerthError(error, "UPSTREAM", ...WRONG_ANSWERS))
    return fault("UPSTREAM", `${upstream} did not give the ${what}`);
  return error;
}

/** For metrics; `left_alone` was not even asked. */
export type FaultClass =
  "unreachable" | "timeout" | "rate_limited" | "refused" | "error" | "wrong_content" | "store" | "left_alone" | "other";

/** @param error as it came, before it was made into an answer */
export function faultClassOf(error: unknown): FaultClass {
  if (!isBerthError(error)) return "other";
  if (isTimeout(error)) return "timeout";
  if (isBerthError(error, ...REFUSED)) return "refused";
  if (isBerthError(error, "NETWORK")) return "unreachable";
  if (isBerthError(error, ...WRONG_ANSWERS)) return "wrong_content";
  if (isBerthError(error, "TOO_MANY_REQUESTS")) return "rate_limited";
  if (isBerthError(error, "UPSTREAM")) return "error";
  return isBerthError(error, "NO_SPACE", "STORAGE", "UNAVAILABLE") ? "store" : "other";
}

export function isNotThere(error: unknown): error is BerthError {
  return isBerthError(error, ...NOT_THERE);
}

/** Whether the upstream may be well again after a while: what was confirmed before may be served meanwhile. */
export function isPassing(error: unknown): error is BerthError {
  return isBerthError(error, ...PASSING);
}

/** Milliseconds that the upstream asked to be left alone. */
export function retryAfterOf(error: unknown): number | undefined {
  const value = isBerthError(error) ? error.details["retryAfter"] : undefined;
  return typeof value === "number" ? value : undefined;
}

function isTimeout(error: BerthError): boolean {
  if (error.code === "TIMEOUT") return true;
  const { code } = error.details;
  return error.code === "NETWORK" && typeof code === "string" && /TIMEDOUT|TIMEOUT/.test(code);
}
