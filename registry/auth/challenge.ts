import type { Locations } from "../http/locations.js";
import type { RegistryRequest } from "../http/request.js";

/** RFC 6750, 3.1; docker and containers/image read insufficient_scope and ask for a token that has it. */
export type ChallengeError = "invalid_token" | "insufficient_scope";

export const TOKEN_PATH = "/token";

/**
 * Tells the client where to get a token for what it tried (distribution-spec's Docker token specification). `Basic` is taken
 * as well but not offered: clients that know both would send the password with every request.
 */
export function challenge(
  ctx: RegistryRequest,
  locations: Locations,
  service: string,
  { scope, error }: { readonly scope?: string; readonly error?: ChallengeError },
): void {
  const parameters = { realm: locations.absolute(ctx, TOKEN_PATH), service, scope, error };
  const text = Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : `${name}="${value}"`));
  ctx.set("WWW-Authenticate", `Bearer ${text.join(",")}`);
}
