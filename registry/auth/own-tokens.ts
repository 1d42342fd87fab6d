import { randomUUID } from "node:crypto";

import { jwtVerify, SignJWT, type CryptoKey, type JWTHeaderParameters, type JWTPayload } from "jose";
import * as v from "valibot";

import type { Identity } from "./identity.js";
import type { KeyRing } from "./key-ring.js";
import type { TokenAccess } from "./token-scope.js";

/** Apart from each other, so that neither kind passes for the other. */
const ACCESS_TYPE = "at+jwt";
const REFRESH_TYPE = "refresh+jwt";
const ALGORITHMS = ["EdDSA", "ES256", "RS256"];
/** Another replica's clock may have signed them. */
const CLOCK_TOLERANCE_S = 30;

const accessClaims = v.object({
  exp: v.number(),
  sub: v.optional(v.string(), ""),
  groups: v.optional(v.array(v.string()), []),
  /** Absent in tokens for users who are not ours. */
  password: v.optional(v.string()),
  access: v.array(
    v.object({ type: v.picklist(["repository", "registry"]), name: v.string(), actions: v.array(v.string()) }),
  ),
});
const refreshClaims = v.object({ sub: v.string(), password: v.string() });

export interface AccessToken {
  readonly identity: Identity;
  readonly access: readonly TokenAccess[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly fingerprint?: string | undefined;
}

export interface OwnTokenOptions {
  /** Both `iss` and `aud`: this registry makes its tokens for itself. */
  readonly service: string;
  readonly lifetimeMs: number;
  readonly refreshLifetimeMs: number;
}

/** Tokens of the built-in token service. Their access claim is as in Docker's token specification. */
export class OwnTokens {
  constructor(
    private readonly ring: KeyRing,
    private readonly options: OwnTokenOptions,
  ) {}

  /** @param fingerprint UserDirectory.fingerprintOf, for our own users: with another password the token no longer holds */
  async issue(
    { user, groups }: Identity,
    access: readonly TokenAccess[],
    fingerprint?: string,
  ): Promise<{ token: string; issuedAt: Date }> {
    const claims = {
      access,
      ...(user !== "" && { sub: user }),
      ...(groups.length > 0 && { groups }),
      ...(fingerprint !== undefined && { password: fingerprint }),
    };
    return await this.#sign(ACCESS_TYPE, claims, this.options.lifetimeMs);
  }

  /** @throws Error (jose's) unless this registry signed it, for itself, and it holds now */
  async verify(token: string): Promise<AccessToken> {
    const { exp, sub, groups, access, password } = v.parse(accessClaims, await this.#verify(token, ACCESS_TYPE));
    return { identity: { user: sub, groups }, access, expiresAt: exp * 1000, fingerprint: password };
  }

  /** @param fingerprint as of `issue` */
  async issueRefresh(user: string, fingerprint: string): Promise<string> {
    const claims = { sub: user, password: fingerprint };
    return (await this.#sign(REFRESH_TYPE, claims, this.options.refreshLifetimeMs)).token;
  }

  /** @throws Error as `verify` */
  async verifyRefresh(token: string): Promise<{ user: string; fingerprint: string }> {
    const { sub, password } = v.parse(refreshClaims, await this.#verify(token, REFRESH_TYPE));
    return { user: sub, fingerprint: password };
  }

  async #sign(typ: string, claims: JWTPayload, lifetimeMs: number): Promise<{ token: string; issuedAt: Date }> {
    const { service } = this.options;
    const { kid, alg, privateKey } = this.ring.signing;
    const seconds = Math.floor(Date.now() / 1000);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg, typ, kid })
      .setIssuer(service)
      .setAudience(service)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + Math.floor(lifetimeMs / 1000))
      .setJti(randomUUID())
      .sign(privateKey);
    return { token, issuedAt: new Date(seconds * 1000) };
  }

  async #verify(token: string, typ: string): Promise<JWTPayload> {
    const { service } = this.options;
    const { payload } = await jwtVerify(token, async (header) => await this.#keyFor(header), {
      algorithms: ALGORITHMS,
      issuer: service,
      audience: service,
      typ,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ["exp", "nbf", "iat"],
    });
    return payload;
  }

  /** `kid` is a name in our ring and nothing else; `jku`, `x5u`, `jwk` and `x5c` are not looked at. */
  async #keyFor({ kid, alg }: JWTHeaderParameters): Promise<CryptoKey> {
    const key = typeof kid === "string" ? await this.ring.find(kid) : undefined;
    // A key is for one algorithm, whatever the token says.
    if (key === undefined || key.alg !== alg) throw new Error("no key of ours has signed this token");
    return key.publicKey;
  }
}
