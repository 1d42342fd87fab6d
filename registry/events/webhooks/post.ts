import type { Dispatcher } from "undici";

import { errnoOf } from "../../../oci/errors.js";
import type { WebhookEndpoint } from "../../config/webhooks-section.js";
import { ENVELOPE_TYPE } from "./envelope.js";
import { signatureOf } from "./signature.js";

export type Outcome =
  | { readonly kind: "taken" }
  /** The same again may succeed. */
  | { readonly kind: "failed"; readonly reason: string }
  /** The receiver says that it will never take this. */
  | { readonly kind: "refused"; readonly reason: string };

/** Bad Request, Content Too Large, Unsupported Media Type, Unprocessable Content. */
const REFUSALS = new Set([400, 413, 415, 422]);
/** What a receiver answers is of no interest. */
const ANSWER_LIMIT = 64 * 1024;

/**
 * Posts a body to an endpoint: to the configured URL and nowhere else, whatever it answers. Never rejects, and takes no longer
 * than the endpoint's timeout. Reasons hold neither headers nor secrets.
 */
export async function post(
  endpoint: WebhookEndpoint,
  secret: string | undefined,
  body: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const { request } = await import("undici");
  const limit = AbortSignal.any([AbortSignal.timeout(endpoint.timeoutSeconds * 1000), signal]);
  let answer: Dispatcher.ResponseData;
  try {
    answer = await request(endpoint.url, {
      method: "POST",
      headers: {
        ...endpoint.headers,
        "Content-Type": ENVELOPE_TYPE,
        ...(secret !== undefined && { "Berth-Signature": signatureOf(secret, body, Date.now()) }),
      },
      body,
      signal: limit,
    });
    await answer.body.dump({ limit: ANSWER_LIMIT, signal: limit });
  } catch (error) {
    if (limit.aborted && !signal.aborted) return { kind: "failed", reason: "no answer in time" };
    return { kind: "failed", reason: errnoOf(error) ?? "the connection failed" };
  }
  const { statusCode } = answer;
  if (statusCode >= 200 && statusCode < 300) return { kind: "taken" };
  if (REFUSALS.has(statusCode)) return { kind: "refused", reason: `answered ${String(statusCode)}` };
  const redirected = statusCode >= 300 && statusCode < 400;
  return {
    kind: "failed",
    reason: `answered ${String(statusCode)}${redirected ? ", and redirects are not followed" : ""}`,
  };
}
