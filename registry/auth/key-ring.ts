import type { JWK } from "jose";
import type { Logger } from "pino";

import { isBerthError } from "../../oci/errors.js";
import type { KeyVault } from "./key-vault.js";
import { createSigningKey, readSigningKey, type SigningAlgorithm, type SigningKey } from "./signing-key.js";

export interface KeyRingOptions {
  readonly algorithm: SigningAlgorithm;
  readonly rotateAfterMs: number;
  /** The longest that a token lives: so long a key stays after another has taken its place. */
  readonly tokenLifetimeMs: number;
}

/** A key signs only when it is this old, so that the other replicas have had time to see it. */
const SETTLE_MS = 10_000;
/** Tokens with made-up key IDs must not make us list the vault all the time. */
const RELOAD_EVERY_MS = 1000;
const MAINTAIN_EVERY_MS = 3600_000;

/**
 * The keys that sign this registry's tokens. Any replica makes a new one when the newest is old; if several do so at once,
 * there are several, and all are good.
 */
export class KeyRing {
  #keys: readonly SigningKey[] = [];
  #loadedAt = -Infinity;
  #loading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly vault: KeyVault,
    private readonly options: KeyRingOptions,
    private readonly log: Logger,
  ) {}

  /** @throws BerthError STORAGE, PRIVILEGE when there is no key and none can be made */
  static async open(vault: KeyVault, options: KeyRingOptions, log: Logger): Promise<KeyRing> {
    const ring = new KeyRing(vault, options, log);
    await ring.maintain();
    ring.#timer = setInterval(() => {
      ring.maintain().catch((error: unknown) => {
        log.error({ err: error }, "the keys that sign tokens could not be looked after");
      });
    }, MAINTAIN_EVERY_MS);
    ring.#timer.unref();
    return ring;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The key for new tokens: the newest that every replica knows. */
  get signing(): SigningKey {
    const usable = this.#keys.filter(({ alg }) => alg === this.options.algorithm);
    const key = usable.findLast(({ createdAt }) => createdAt <= Date.now() - SETTLE_MS) ?? usable[0] ?? this.#keys[0];
    if (key === undefined) throw new Error("a key ring is never empty");
    return key;
  }

  /** The key of that ID, which another replica may just have made. */
  async find(kid: string): Promise<SigningKey | undefined> {
    const known = this.#get(kid);
    if (known !== undefined || performance.now() - this.#loadedAt < RELOAD_EVERY_MS) return known;
    await this.#load();
    return this.#get(kid);
  }

  /** JSON Web Key Set (RFC 7517). */
  get published(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  /** Reads the keys, makes a new one when the newest is old, and removes those whose last token has expired. */
  async maintain(): Promise<void> {
    await this.#load();
    const { algorithm, rotateAfterMs, tokenLifetimeMs } = this.options;
    const now = Date.now();
    // One of a clock that was ahead once would keep all others from being made until its time comes.
    const newest = this.#keys.findLast(({ alg, createdAt }) => alg === algorithm && createdAt <= now);
    if (newest === undefined || newest.createdAt + rotateAfterMs < now) await this.#add();
    for (const [index, { kid }] of this.#keys.entries()) {
      const successor = this.#keys[index + 1];
      if (successor === undefined || successor.createdAt + SETTLE_MS + tokenLifetimeMs > Date.now()) continue;
      this.log.info({ kid }, "a key that signed tokens is removed");
      await this.vault.remove(kid);
    }
  }

  async #add(): Promise<void> {
    const { kid, bytes } = await createSigningKey(this.options.algorithm);
    try {
      await this.vault.create(kid, bytes);
      this.log.info({ kid, place: this.vault.place }, "a new key signs tokens");
    } catch (error) {
      // A directory that somebody else fills, such as a mounted secret.
      if (this.#keys.length === 0 || !isBerthError(error, "PRIVILEGE")) throw error;
      this.log.warn({ err: error }, "the key that signs tokens is old, and there is no place for a new one");
      return;
    }
    await this.#load();
  }

  #get(kid: string): SigningKey | undefined {
    return this.#keys.find((key) => key.kid === kid);
  }

  async #load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  async #read(): Promise<void> {
    this.#loadedAt = performance.now();
    const found: SigningKey[] = [];
    for (const kid of await this.vault.list()) {
      const known = this.#get(kid);
      const key = known ?? (await this.#readOne(kid));
      if (key !== undefined) found.push(key);
    }
    this.#keys = found.sort((a, b) => a.createdAt - b.createdAt || (a.kid < b.kid ? -1 : 1));
  }

  async #readOne(kid: string): Promise<SigningKey | undefined> {
    try {
      const bytes = await this.vault.read(kid);
      if (bytes === undefined) return undefined;
      const key = await readSigningKey(bytes);
      if (key.kid === kid) return key;
      this.log.error({ kid }, "a key that signs tokens lies under another key's name");
    } catch (error) {
      this.log.error({ err: error, kid }, "a key that signs tokens cannot be read");
    }
    return undefined;
  }
}
