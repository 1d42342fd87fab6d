import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "../storage/blob-store.js";
import { Absences } from "./absences.js";
import { BlobCopy } from "./blob-copy.js";
import { BlobFetch } from "./blob-fetch.js";
import { BlobHomes } from "./blob-homes.js";
import { FetchClaims } from "./fetch-claims.js";
import { FetchSlots } from "./fetch-slots.js";
import type { GrowingBlob } from "./growing-blob.js";
import type { MirroredName } from "./mirror-names.js";
import { SharedFetches } from "./shared-fetches.js";
import { isNotThere } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

interface BlobMirrorParts {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly spoolDirectory: string;
  readonly log: Logger;
}

/**
 * Copies of upstreams' blobs. There is at most one transfer of a blob to a process at a time, however many clients want it, and at
 * most one from its upstream to all processes on the store.
 */
export class BlobMirror {
  readonly #fetches = new Map<string, BlobFetch>();
  readonly #slots = new WeakMap<Upstream, FetchSlots>();
  readonly #absences = new Absences();

  readonly #homes: BlobHomes;
  readonly #shared: SharedFetches;
  readonly #claims: FetchClaims;
  readonly #closing = new AbortController();

  constructor(private readonly parts: BlobMirrorParts) {
    const { store, blobs, spoolDirectory, log } = parts;
    this.#homes = new BlobHomes(blobs);
    this.#shared = new SharedFetches(spoolDirectory, log);
    this.#claims = new FetchClaims(store, log, { socket: async () => await this.#shared.socket() });
  }

  async has({ stored }: MirroredName<Upstream>, digest: Digest): Promise<boolean> {
    try {
      await this.parts.blobs.stat(stored, digest);
      return true;
    } catch (error) {
      if (isBerthError(error, "BLOB_UNKNOWN")) return false;
      throw error;
    }
  }

  /** Undefined when the upstream does not say. @throws BerthError see upstream-faults.ts */
  async size(name: MirroredName<Upstream>, digest: Digest): Promise<number | undefined> {
    const key = `${name.stored}@${digest}`;
    this.#absences.assertNotNoted(key);
    const fetch = this.#fetches.get(key);
    const begun = await fetch?.begun;
    if (begun !== undefined) return begun.size;
    return await this.#notingAbsence(name, key, async () => {
      return await name.upstream.ask("blob", async (client, signal) => {
        return await client.statBlob(name.repository, digest, signal);
      });
    });
  }

  /**
   * Hands the blob to `take` as soon as its bytes begin to arrive.
   * @param take must read within the promise that it returns
   * @returns false when the blob need not be fetched any more: look again whether the store has it
   * @throws BerthError see upstream-faults.ts
   */
  async receive(
    name: MirroredName<Upstream>,
    digest: Digest,
    take: (blob: GrowingBlob) => Promise<void>,
  ): Promise<boolean> {
    const key = `${name.stored}@${digest}`;
    this.#absences.assertNotNoted(key);
    if (!this.#fetches.has(key)) {
      const isLent = await this.#notingAbsence(name, key, async () => await this.#homes.borrow(name, digest));
      if (isLent) return false;
    }
    const fetch = this.#fetches.get(key) ?? this.#start(key, name, digest);
    const blob = await this.#notingAbsence(name, key, async () => await fetch.begun);
    if (blob?.hold() !== true) {
      await fetch.ended;
      return false;
    }
    try {
      await take(blob);
      return true;
    } finally {
      await blob.letGo();
    }
  }

  /** Frees what killed processes have left. */
  async sweep(): Promise<void> {
    await this.#claims.sweep();
  }

  /** Nobody reads along any more, here or elsewhere; for before the upstreams are closed. */
  async stopSharing(): Promise<void> {
    this.#closing.abort();
    await this.#shared.close();
  }

  /** Resolves when no transfer is under way; for after the upstreams were closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#fetches.values()].map(async ({ ended }) => await ended));
  }

  #start(key: string, name: MirroredName<Upstream>, digest: Digest): BlobFetch {
    const { store, blobs, spoolDirectory, log } = this.parts;
    const { upstream } = name;
    const slots = this.#slots.get(upstream) ?? new FetchSlots(upstream.settings.fetchesAtOnce);
    this.#slots.set(upstream, slots);
    const copy = new BlobCopy(store, blobs, log);
    const fetch = new BlobFetch({
      name,
      digest,
      blobs,
      copy,
      slots,
      spoolDirectory,
      claims: this.#claims,
      shared: this.#shared,
      log,
      signal: this.#closing.signal,
    });
    this.#fetches.set(key, fetch);
    void fetch.ended.then((isKept) => {
      this.#fetches.delete(key);
      if (isKept) this.#homes.note(name, digest);
    });
    return fetch;
  }

  async #notingAbsence<T>(name: MirroredName<Upstream>, key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isNotThere(error)) this.#absences.note(key, error, name.upstream.settings.negativeSeconds * 1000);
      throw error;
    }
  }
}
