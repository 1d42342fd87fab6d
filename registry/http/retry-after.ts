import { isBerthError } from "../../oci/errors.js";
import type { RegistryRequest } from "./request.js";

/** Sets Retry-After when the error says how long. */
export function announceRetry(ctx: RegistryRequest, error: unknown): void {
  if (!isBerthError(error, "TOO_MANY_REQUESTS")) return;
  const seconds = error.details["retryAfterSeconds"];
  if (typeof seconds === "number") ctx.set("Retry-After", String(seconds));
}
