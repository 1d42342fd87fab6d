import { jwtVerify, type JWTPayload } from "jose";
import type { Logger } from "pino";

import type { IssuerSettings } from "../config/auth-section.js";
import { matchesWildcard } from "./access-rules.js";
import type { Identity } from "./identity.js";
import { RemoteKeys } from "./remote-keys.js";

/** Signatures by key pairs only: with a shared secret, whoever can check a token can make one. */
const ALGORITHMS = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const CLOCK_TOLERANCE_S = 30;
/** What goes into names, headers and logs. */
const PRINTABLE = /^[\x21-\x7e]{1,256}$/;
const MAX_GROUPS = 100;

/** Believes the tokens of one issuer, and turns their claims into a user and groups with the issuer's prefix. */
export class ExternalIssuer {
  readonly #keys: RemoteKeys;

  constructor(
    private readonly settings: IssuerSettings,
    log: Logger,
  ) {
    const { issuer, jwks } = settings;
    this.#keys = new RemoteKeys({ issuer, ...(jwks !== undefined && { jwks }) }, log);
  }

  get name(): string {
    return this.settings.issuer;
  }

  /** @throws Error (jose's, or with a message for the client) unless the token is the issuer's, for us, and holds now */
  async verify(token: string): Promise<{ identity: Identity; expiresAt: number }> {
    const { issuer, audience, claims } = this.settings;
    const { payload } = await jwtVerify(token, async (header, jws) => await this.#keys.keyFor(header, jws), {
      algorithms: ALGORITHMS,
      issuer,
      audience,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["exp"],
    });
    if (!hasAll(payload, claims)) throw new Error("the token does not have the claims that this registry wants");
    return { identity: this.#identityOf(payload), expiresAt: (payload.exp ?? 0) * 1000 };
  }

  #identityOf(payload: JWTPayload): Identity {
    const { name, userClaim, groupsClaim, groups } = this.settings;
    const user = claimOf(payload, userClaim);
    if (typeof user !== "string" || !PRINTABLE.test(user))
      throw new Error(`the token's claim ${userClaim} names no user`);
    const claimed = groupsClaim === undefined ? [] : claimOf(payload, groupsClaim);
    const named = (Array.isArray(claimed) ? claimed : [claimed]).filter(
      (group): group is string => typeof group === "string" && PRINTABLE.test(group),
    );
    const earned = groups.filter(({ claims }) => hasAll(payload, claims)).map(({ group }) => group);
    const all = new Set([...earned, ...named.slice(0, MAX_GROUPS)]);
    return { user: `${name}:${user}`, groups: [...all].map((group) => `${name}:${group}`) };
  }
}

function hasAll(payload: JWTPayload, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([claim, pattern]) => {
    const value = claimOf(payload, claim);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.some((one) => isScalar(one) && matchesWildcard(pattern, String(one)));
  });
}

function isScalar(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** By its name, which may hold dots, or else as a path into objects. */
function claimOf(payload: JWTPayload, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim];
  let value: unknown = payload;
  for (const part of claim.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
