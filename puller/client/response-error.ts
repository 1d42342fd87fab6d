import { BerthError, type ErrorCode } from "../../oci/errors.js";
import { parseRetryAfter, TransientFailure } from "./backoff.js";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

const RETRIED = new Set([408, 425, 429]);

/**
 * What an unwelcome answer means. Statuses that may pass are TransientFailures.
 * @param missing the code for 404
 * @returns with the details `status` and, where the registry said it, `retryAfter` in milliseconds
 */
export function failureOf(answer: Answer, what: string, missing: ErrorCode): Error {
  const { status } = answer;
  const said = messageIn(answer.body);
  const retryAfter = parseRetryAfter(headerOf(answer.headers, "retry-after"));
  const failure = new BerthError(
    codeFor(status, missing),
    status === 404 && missing === "MANIFEST_UNKNOWN"
      ? `${what} not found: ${said ?? "manifest unknown"}`
      : `${what}: ${said ?? `the registry answered ${String(status)}`}`,
    { details: { status, ...(retryAfter !== undefined && { retryAfter }) } },
  );
  if (!RETRIED.has(status) && status < 500) return failure;
  // 501 and 505 are about what the server can do, not about how it is today.
  if (status === 501 || status === 505) return failure;
  return new TransientFailure(failure, retryAfter);
}

function codeFor(status: number, missing: ErrorCode): ErrorCode {
  switch (status) {
    case 401:
      return "UNAUTHORIZED";
    case 403:
      return "DENIED";
    case 404:
      return missing;
    case 405:
      return "UNSUPPORTED";
    case 413:
      return "TOO_LARGE";
    case 429:
      return "TOO_MANY_REQUESTS";
    default:
      return "UPSTREAM";
  }
}

/** The first error of distribution-spec's JSON body, made fit for a terminal. */
function messageIn(body: Uint8Array): string | undefined {
  try {
    const { errors } = JSON.parse(new TextDecoder().decode(body)) as { errors?: unknown };
    const first = (Array.isArray(errors) ? errors[0] : undefined) as { code?: unknown; message?: unknown } | undefined;
    const parts = [first?.code, first?.message].filter(
      (part): part is string => typeof part === "string" && part !== "",
    );
    return parts.length === 0 ? undefined : printable(parts.join(": "));
  } catch {
    return undefined;
  }
}

const MAX_MESSAGE = 300;

/** A stranger's text in one line without control characters, which a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, MAX_MESSAGE);
}

export function headerOf(headers: Answer["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Content-Length, when there is one. */
export function lengthOf(headers: Answer["headers"]): number | undefined {
  const text = headerOf(headers, "content-length");
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
