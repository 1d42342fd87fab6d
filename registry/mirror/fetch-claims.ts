import { randomUUID } from "node:crypto";

import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { ownProcessIdentity, processState } from "../../storage/process-identity.js";
import { keys } from "../storage/key-tree.js";
import { listAllKeys } from "../storage/whole-listing.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";
import { ClaimWatch } from "../uploads/claim-watch.js";
import { FetchClaim, type FetchRecord } from "./fetch-claim.js";

/** Somebody else fetches the blob. */
export interface OthersClaim {
  readonly record: FetchRecord;
  /** Its process, or its host, is gone: who claims next gets it. */
  readonly isAbandoned: boolean;
}

interface ClaimOptions {
  /** Where other processes of this host may read along; undefined when they cannot. */
  readonly socket?: () => Promise<string | undefined>;
  /** A claim of another host that was seen not to be renewed for so long is abandoned. */
  readonly leaseMs?: number;
  /** For tests: as processIdentity of another process. */
  readonly identity?: string;
}

const DEFAULT_LEASE_MS = 12_000;
const SWEPT_AFTER_MS = 24 * 3600_000;

/**
 * Which process fetches a cold blob, for all workers and replicas on one store. Nothing is lost when two believe that they do: the
 * upstream then is asked twice, and of the two copies one is kept (BlobStore.commit). So a claim may be given up as soon as its
 * holder seems to be dead, and its key may be used again.
 */
export class FetchClaims {
  readonly #owner: string;
  readonly #watch: ClaimWatch;
  readonly #leaseMs: number;
  /** Of this process, by `FetchRecord.claim`. */
  readonly #held = new Set<string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly log: Logger,
    private readonly options: ClaimOptions = {},
  ) {
    this.#owner = `${options.identity ?? ownProcessIdentity()}.${randomUUID()}`;
    this.#leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.#watch = new ClaimWatch(this.#leaseMs);
  }

  /**
   * Claims the fetch, or tells whose it is.
   * @param claim FetchRecord.claim
   * @param givenUp the same of a holder of whom the caller has seen that it does not go on
   */
  async claim(stored: string, digest: Digest, claim: string, givenUp?: string): Promise<FetchClaim | OthersClaim> {
    // There is no other process then.
    if (!this.store.traits.conditionalCreate) return this.#unshared();
    this.#held.add(claim);
    const forget = (): void => {
      this.#held.delete(claim);
    };
    try {
      const register = this.#register(keys.fetch(stored, digest));
      const won = await this.#claim(register, claim, givenUp);
      if ("number" in won) return new FetchClaim(register, won, this.#leaseMs, forget);
      forget();
      return won;
    } catch (error) {
      forget();
      if (!isBerthError(error, "STORAGE", "NO_SPACE", "UNAVAILABLE")) throw error;
      // A store that fails does not keep clients from their bytes.
      this.log.warn({ err: error }, "a blob is fetched unseen by other processes: the store takes no claim");
      return this.#unshared();
    }
  }

  /** The claim in force, if it is somebody else's. */
  async look(stored: string, digest: Digest): Promise<OthersClaim | undefined> {
    const entry = await this.#register(keys.fetch(stored, digest)).read();
    return entry && this.#judged(entry);
  }

  /** Frees the claims that nobody has ended, because their process was killed. @returns how many */
  async sweep(): Promise<number> {
    const all = (await listAllKeys(this.store, `${keys.fetches}/`)).map((key) => key.slice(0, key.lastIndexOf("/")));
    let freed = 0;
    for (const key of new Set(all)) {
      const register = this.#register(key);
      const entry = await register.read();
      if (entry === undefined) continue;
      const { owner, at } = entry.value;
      if (processState(owner) !== "dead" && Date.now() - at < SWEPT_AFTER_MS) continue;
      await register.remove();
      freed++;
    }
    return freed;
  }

  async #claim(
    register: WriteOnceRegister<FetchRecord>,
    claim: string,
    givenUp: string | undefined,
  ): Promise<Entry<FetchRecord> | OthersClaim> {
    const socket = await this.options.socket?.();
    const record = { owner: this.#owner, claim, at: Date.now(), ...(socket !== undefined && { socket }) };
    // Most blobs are wanted by one process at a time: their claim is created without a look.
    let won = await register.replace(undefined, record, { volatile: true });
    while (won === undefined) {
      const entry = await register.read();
      const other = entry && this.#judged(entry);
      if (other !== undefined && !other.isAbandoned && other.record.claim !== givenUp) return other;
      won = await register.replace(entry, record, { volatile: true });
    }
    return won;
  }

  #judged({ number, value }: Entry<FetchRecord>): OthersClaim {
    // One of our own that nobody holds is one whose end could not be written down.
    const isForgotten = value.owner === this.#owner && !this.#held.has(value.claim);
    const isAbandoned =
      isForgotten || processState(value.owner) === "dead" || this.#watch.isAbandoned(value.claim, number);
    return { record: value, isAbandoned };
  }

  #unshared(): FetchClaim {
    return new FetchClaim(undefined, undefined, this.#leaseMs, () => undefined);
  }

  #register(key: string): WriteOnceRegister<FetchRecord> {
    return new WriteOnceRegister(this.store, key);
  }
}
