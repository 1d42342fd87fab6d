import { BerthError } from "../../oci/errors.js";
import type { Challenge } from "./challenge.js";
import type { Credentials } from "./client-options.js";
import { printable } from "./response-error.js";

/** Sends one request to a token endpoint and gives the JSON of its answer. */
export type TokenExchange = (request: TokenRequest) => Promise<TokenAnswer>;

export interface TokenRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TokenAnswer {
  readonly token: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

interface CachedToken {
  readonly header: string;
  readonly expires: number;
}

// A token that ends while its request is on the way is of no use.
const MARGIN = 5_000;
/** A mirror asks for thousands of repositories; the oldest tokens go first. */
const MAX_TOKENS = 1_000;

/**
 * Answers a registry's challenges: bearer tokens from its token endpoint, kept for each scope, or basic credentials.
 * distribution's "Token Authentication Specification".
 */
export class Authorizer {
  readonly #loadCredentials: () => Promise<Credentials | undefined>;
  readonly #exchange: TokenExchange;
  /** Plain-HTTP token endpoints are only talked to for registries that are plain HTTP themselves. */
  readonly #plainAllowed: () => boolean;
  readonly #tokens = new Map<string, Promise<CachedToken>>();
  #credentials: Credentials | undefined;
  #loading: Promise<Credentials | undefined> | undefined;
  #challenge: Challenge | undefined;
  /** What registries have said beside a scope of ours: a mirror may know a repository by another name. */
  readonly #beside = new Map<string, string>();

  constructor(
    credentials: Credentials | (() => Promise<Credentials | undefined>) | undefined,
    exchange: TokenExchange,
    plainAllowed: () => boolean,
  ) {
    this.#loadCredentials = typeof credentials === "function" ? credentials : () => Promise.resolve(credentials);
    this.#exchange = exchange;
    this.#plainAllowed = plainAllowed;
  }

  /**
   * Takes note of a 401's challenges. False when none can be answered.
   * @param scope that was tried
   */
  async learn(challenges: readonly Challenge[], scope?: string): Promise<boolean> {
    this.#credentials = await (this.#loading ??= this.#loadCredentials());
    const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm"));
    const basic = challenges.find(({ scheme }) => scheme === "basic");
    this.#challenge = bearer ?? (this.#credentials === undefined ? undefined : basic);
    const told = bearer?.parameters.get("scope");
    if (scope !== undefined && told !== undefined && !areOfOne(scope, told)) {
      this.#beside.set(scope, told);
      dropOldest(this.#beside);
    }
    return this.#challenge !== undefined;
  }

  /** The Authorization header for a scope; undefined when the registry has asked for none. */
  async headerFor(scope: string | undefined): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    if (challenge.scheme === "basic") {
      return this.#credentials && basicHeader(this.#credentials.username, this.#credentials.password);
    }
    const wanted = scope ?? challenge.parameters.get("scope") ?? "";
    const key = `${challenge.parameters.get("realm") ?? ""}\n${wanted}`;
    const cached = await this.#tokens.get(key)?.catch(() => undefined);
    if (cached !== undefined && cached.expires > Date.now()) return cached.header;
    const beside = this.#beside.get(wanted);
    const asked = this.#ask(challenge, beside === undefined ? wanted : `${wanted} ${beside}`);
    this.#tokens.delete(key);
    this.#tokens.set(key, asked);
    dropOldest(this.#tokens);
    return (await asked).header;
  }

  /** After a 401 to a request that carried a token: the next one is asked for anew. */
  forget(scope: string | undefined): void {
    for (const key of this.#tokens.keys()) {
      if (scope === undefined || key.endsWith(`\n${scope}`)) this.#tokens.delete(key);
    }
  }

  async #ask(challenge: Challenge, scope: string): Promise<CachedToken> {
    const { token, lifetime } = await this.#exchange(this.#tokenRequest(challenge, scope));
    return { header: `Bearer ${token}`, expires: Date.now() + Math.max(lifetime - MARGIN, 1_000) };
  }

  #tokenRequest(challenge: Challenge, scope: string): TokenRequest {
    const realm = challenge.parameters.get("realm") ?? "";
    const service = challenge.parameters.get("service");
    const url = URL.parse(realm);
    if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && this.#plainAllowed()))) {
      throw new BerthError(
        "UNAUTHORIZED",
        `the registry sends its clients to ${JSON.stringify(printable(realm))} for a token: not an https address`,
      );
    }
    const scopes = scope === "" ? [] : scope.split(" ");
    const credentials = this.#credentials;
    if (credentials?.identityToken !== undefined) {
      const body = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: credentials.identityToken,
        client_id: "berth",
        ...(service !== undefined && { service }),
        ...(scopes.length > 0 && { scope: scopes.join(" ") }),
      });
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return { url, method: "POST", headers, body: body.toString() };
    }
    if (service !== undefined) url.searchParams.set("service", service);
    for (const one of scopes) url.searchParams.append("scope", one);
    if (credentials === undefined) return { url, method: "GET", headers: {} };
    url.searchParams.set("account", credentials.username);
    return {
      url,
      method: "GET",
      headers: { authorization: basicHeader(credentials.username, credentials.password) },
    };
  }
}

/** Whether two scopes are about the same repositories, whatever may be done with them. */
function areOfOne(one: string, other: string): boolean {
  const resources = (scope: string): string[] => scope.split(" ").map((part) => part.replace(/:[^:]*$/, ""));
  const known = resources(one);
  return resources(other).every((resource) => known.includes(resource));
}

function dropOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > MAX_TOKENS && oldest !== undefined) map.delete(oldest);
}

function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

const DEFAULT_LIFETIME = 60_000;

/** @throws BerthError UNAUTHORIZED */
export function parseTokenAnswer(body: Uint8Array): TokenAnswer {
  let json: Record<string, unknown> | null = null;
  try {
    json = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown> | null;
  } catch {
    // Reported below.
  }
  const token = json?.["token"] ?? json?.["access_token"];
  const seconds = json?.["expires_in"];
  if (typeof token !== "string" || !/^[\x21-\x7e]{1,65536}$/.test(token)) {
    throw new BerthError("UNAUTHORIZED", "the registry's token endpoint answered without a token");
  }
  return {
    token,
    lifetime: typeof seconds === "number" && seconds > 0 ? seconds * 1000 : DEFAULT_LIFETIME,
  };
}
