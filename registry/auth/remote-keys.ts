import { createLocalJWKSet, errors, type CryptoKey, type FlattenedJWSInput, type JWTHeaderParameters } from "jose";
import type { Logger } from "pino";
import * as v from "valibot";

import { Refusal } from "../http/refusal.js";
import { fetchJson } from "./fetch-json.js";

export interface KeyTimes {
  /** Older keys are fetched again, while they go on to hold. */
  readonly freshMs: number;
  /** Keys that cannot be fetched again hold this long. */
  readonly staleMs: number;
  /** Whatever comes in, the issuer is asked no more often. */
  readonly askEveryMs: number;
  /** For one document. */
  readonly timeoutMs: number;
}

const TIMES: KeyTimes = { freshMs: 10 * 60_000, staleMs: 24 * 3600_000, askEveryMs: 30_000, timeoutMs: 5000 };

const keySet = v.object({ keys: v.array(v.looseObject({ kty: v.string() })) });
const discovery = v.object({ issuer: v.string(), jwks_uri: v.string() });

type KeySet = ReturnType<typeof createLocalJWKSet>;

export interface KeySource {
  readonly issuer: string;
  /** Else found by OpenID Connect Discovery. */
  readonly jwks?: string;
}

/** An issuer's public keys, kept. An issuer that is slow or down costs those their time whose key is not known yet. */
export class RemoteKeys {
  #keys: KeySet | undefined;
  /** Both of a clock that never jumps. */
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(
    private readonly source: KeySource,
    private readonly log: Logger,
    private readonly times = TIMES,
  ) {}

  /**
   * For jose's jwtVerify.
   * @throws BerthError UNAUTHORIZED when the issuer's keys are not to be had; jose's errors when none of them fits
   */
  async keyFor(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const age = performance.now() - this.#fetchedAt;
    if (this.#keys === undefined || age > this.times.staleMs) await this.#ask();
    else if (age > this.times.freshMs) void this.#ask();
    try {
      return await this.#current()(header, token);
    } catch (error) {
      // The issuer may have begun to use another key.
      if (!(error instanceof errors.JWKSNoMatchingKey) || !this.#mayAsk()) throw error;
      await this.#ask();
      return await this.#current()(header, token);
    }
  }

  #current(): KeySet {
    if (this.#keys !== undefined && performance.now() - this.#fetchedAt <= this.times.staleMs) return this.#keys;
    throw new Refusal("UNAUTHORIZED", "token", "the keys of this token's issuer cannot be had at the moment");
  }

  #mayAsk(): boolean {
    return this.#asking !== undefined || performance.now() - this.#askedAt >= this.times.askEveryMs;
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    if (!this.#mayAsk()) return;
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #fetch(): Promise<void> {
    this.#askedAt = performance.now();
    try {
      const { keys } = v.parse(keySet, await this.#get(this.source.jwks ?? (await this.#discover())));
      this.#keys = createLocalJWKSet({ keys });
      this.#fetchedAt = performance.now();
    } catch (error) {
      this.log.warn({ err: error, issuer: this.source.issuer }, "an issuer's keys could not be fetched");
    }
  }

  async #get(url: string): Promise<unknown> {
    return await fetchJson(url, this.times.timeoutMs);
  }

  /** OpenID Connect Discovery 1.0, 4: the document must name the issuer it was asked for. */
  async #discover(): Promise<string> {
    const { issuer } = this.source;
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const found = v.parse(discovery, await this.#get(url));
    if (found.issuer !== issuer) throw new Error(`${url} is about another issuer, ${found.issuer.slice(0, 200)}`);
    return found.jwks_uri;
  }
}
