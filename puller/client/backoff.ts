import { setTimeout as sleep } from "node:timers/promises";

import { BerthError, errnoOf, isBerthError } from "../../oci/errors.js";
import type { ClientLimits } from "./client-options.js";

/** A failure that another attempt may not meet. */
export class TransientFailure extends Error {
  override readonly name = "TransientFailure";

  constructor(
    /** What to report when no attempt is left. */
    readonly failure: BerthError,
    /** Milliseconds that the server asked to wait. */
    readonly retryAfter?: number,
  ) {
    super(failure.message, { cause: failure });
  }
}

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed `limits.attempts` times in a row. Pauses double and are
 * spread at random over their second half, so that many clients do not come back at once.
 * @param progressed true when the last attempt got further than those before: the count starts anew
 */
export async function withRetries<T>(
  limits: ClientLimits,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
  progressed: () => boolean = () => false,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientFailure)) throw error;
      if (progressed()) failures = 1;
      const wait = error.retryAfter ?? 0;
      if (failures >= limits.attempts || wait > limits.longestRetryAfter) throw error.failure;
      const delay = Math.min(limits.maximumDelay, limits.baseDelay * 2 ** (failures - 1));
      await pause(Math.max(wait, delay * (0.5 + Math.random() / 2)), signal);
    }
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal && { signal });
  } catch (cause) {
    throw new BerthError("ABORTED", "the transfer was cancelled", { cause });
  }
}

/** Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3), in milliseconds from now. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

// Nobody is there, or no such host: asking again within seconds only delays the answer.
const PERMANENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "EACCES"]);

/** A failure below HTTP, as what to throw. BerthErrors and TransientFailures pass through. */
export function networkFailure(error: unknown, what: string, signal: AbortSignal | undefined): Error {
  if (signal?.aborted === true) {
    return isBerthError(signal.reason)
      ? signal.reason
      : new BerthError("ABORTED", "the transfer was cancelled", { cause: error });
  }
  if (error instanceof TransientFailure || isBerthError(error)) return error;
  if (!(error instanceof Error)) return new BerthError("NETWORK", `${what}: ${String(error)}`);
  const code = errnoOf(error);
  const failure = new BerthError("NETWORK", `${what}: ${describe(error)}`, { cause: error, details: { code } });
  return code !== undefined && (PERMANENT.has(code) || isCertificateError(code))
    ? failure
    : new TransientFailure(failure);
}

function isCertificateError(code: string): boolean {
  return /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code);
}

function describe(error: Error): string {
  // An AggregateError of several addresses has no message of its own.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return describe(error.errors[0]);
  return error.message || (errnoOf(error) ?? error.name);
}
