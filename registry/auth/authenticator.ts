import { hash } from "node:crypto";
import { TLSSocket } from "node:tls";

import { decodeJwt } from "jose";

import { BerthError } from "../../oci/errors.js";
import { clientAddressOf } from "../http/client-address.js";
import type { RegistryRequest } from "../http/request.js";
import { parseBasic, splitAuthorization } from "./basic-credentials.js";
import { BoundedMap } from "../bounded-map.js";
import { Refusal } from "../http/refusal.js";
import type { ExternalIssuer } from "./external-issuer.js";
import { ANONYMOUS, isLocalName, type Identity } from "./identity.js";
import type { OwnTokens } from "./own-tokens.js";
import type { PasswordCheck } from "./password-check.js";
import type { TokenAccess } from "./token-scope.js";
import type { UserDirectory } from "./user-directory.js";

/** Who makes a request, and how far its credentials go. */
export interface Credentials {
  readonly identity: Identity;
  /** Of a token from our token service: it allows nothing else, whatever the rules say. */
  readonly access?: readonly TokenAccess[];
}

interface Verified {
  readonly credentials: Credentials;
  readonly until: number;
  /** Of our own token: of the password that it was given for. */
  readonly fingerprint?: string | undefined;
}

const NOBODY: Credentials = { identity: ANONYMOUS };
const MAX_VERIFIED = 20_000;
/** An issuer's key that is taken back is felt by then. */
const REMEMBER_MS = 10 * 60_000;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const COMMON_NAME = /^[\x21-\x7e]{1,128}$/;

interface AuthenticatorParts {
  readonly tokens: OwnTokens;
  readonly issuers: readonly ExternalIssuer[];
  readonly passwords: PasswordCheck;
  readonly users: Pick<UserDirectory, "hashOf" | "fingerprintOf" | "look">;
}

/** Finds out who makes a request: by token, password or client certificate. */
export class Authenticator {
  /** By hash, so that a dump of this process shows no token. */
  readonly #verified = new BoundedMap<string, Verified>(MAX_VERIFIED);
  readonly #certificates = new WeakMap<object, Credentials>();

  constructor(private readonly parts: AuthenticatorParts) {}

  /**
   * Answers at once for a token that was seen before.
   * @throws BerthError UNAUTHORIZED for credentials that are none or no longer; TOO_MANY_REQUESTS
   */
  authenticate(ctx: RegistryRequest): Credentials | Promise<Credentials> {
    const header = ctx.req.headers.authorization;
    if (header === undefined) return this.#byCertificate(ctx);
    const { scheme, rest } = splitAuthorization(header);
    if (scheme === "bearer") return this.#byToken(rest);
    const basic = scheme === "basic" ? parseBasic(rest) : undefined;
    if (basic === undefined) throw unauthorized("token", "the Authorization header is neither Basic nor Bearer");
    // What clients send that were told to log in and have nothing to log in with. No account is called so.
    if (basic.user === "" && basic.password === "") return this.#byCertificate(ctx);
    return this.byPassword(basic.user, basic.password, clientAddressOf(ctx));
  }

  /** A token of another issuer may stand for the password: `docker login` has no other way to send one. */
  async byPassword(user: string, password: string, address: string): Promise<Credentials> {
    if (JWT.test(password) && this.#issuerOf(password) !== undefined) return await this.#byToken(password);
    try {
      const identity = await this.parts.passwords.verify(user, password, address);
      if (identity === undefined) throw unauthorized("password", "the user or the password is wrong");
      return { identity };
    } catch (error) {
      if (error instanceof Refusal && this.parts.users.hashOf(user) !== undefined) error.account = user;
      throw error;
    }
  }

  #byCertificate(ctx: RegistryRequest): Credentials {
    const { socket } = ctx.req;
    if (!(socket instanceof TLSSocket) || !socket.authorized) return NOBODY;
    const known = this.#certificates.get(socket);
    if (known !== undefined) return known;
    const name: unknown = socket.getPeerCertificate().subject?.CN;
    const named = typeof name === "string" && COMMON_NAME.test(name);
    const credentials = named ? { identity: { user: `cert:${name}`, groups: [] } } : NOBODY;
    this.#certificates.set(socket, credentials);
    return credentials;
  }

  #byToken(token: string): Credentials | Promise<Credentials> {
    // However long nobody has come: what holds is the users of now.
    const looking = this.parts.users.look();
    if (looking !== undefined) return looking.then(() => this.#byToken(token));
    const key = hash("sha256", token, "base64");
    const known = this.#verified.get(key);
    if (known !== undefined && known.until > Date.now()) {
      this.#assertStill(known);
      return known.credentials;
    }
    return this.#verify(token, key);
  }

  async #verify(token: string, key: string): Promise<Credentials> {
    if (!JWT.test(token)) throw unauthorized("token", "the token is not a signed JSON Web Token");
    const verified = await this.#verifySigned(token);
    this.#assertStill(verified);
    this.#verified.set(key, verified);
    return verified.credentials;
  }

  async #verifySigned(token: string): Promise<Verified> {
    const issuer = this.#issuerOf(token);
    try {
      if (issuer === undefined) {
        const { identity, access, expiresAt, fingerprint } = await this.parts.tokens.verify(token);
        return { credentials: { identity, access }, until: expiresAt, fingerprint };
      }
      const { identity, expiresAt } = await issuer.verify(token);
      return { credentials: { identity }, until: Math.min(expiresAt, Date.now() + REMEMBER_MS) };
    } catch (cause) {
      throw cause instanceof BerthError ? cause : unauthorized("token", "the token does not hold", { cause });
    }
  }

  /** Only to choose who is to check the token: nothing of it is believed. */
  #issuerOf(token: string): ExternalIssuer | undefined {
    try {
      const { iss } = decodeJwt(token);
      return this.parts.issuers.find(({ name }) => name === iss);
    } catch {
      return undefined;
    }
  }

  /** A user who was removed or has another password is out at once, not when the last token expires. */
  #assertStill({ credentials: { identity }, fingerprint }: Verified): void {
    const { user } = identity;
    if (!isLocalName(user)) return;
    const now = this.parts.users.fingerprintOf(user);
    if (now === undefined) throw unauthorized("token", "there is no such user any more", { account: user });
    if (fingerprint !== undefined && fingerprint !== now) {
      throw unauthorized("token", "the token ended with the password that it was given for", { account: user });
    }
  }
}

export function unauthorized(
  reason: "login" | "scope" | "password" | "token",
  message: string,
  options: { readonly cause?: unknown; readonly account?: string | undefined } = {},
): Refusal {
  return new Refusal("UNAUTHORIZED", reason, message, options);
}
