import type { Logger } from "pino";

import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { BlobStore } from "../storage/blob-store.js";
import { Absences } from "./absences.js";
import { BlobCopy } from "./blob-copy.js";
import { BlobFetch } from "./blob-fetch.js";
import { BlobHomes } from "./blob-homes.js";
import { FetchSlots } from "./fetch-slots.js";
import type { GrowingBlob } from "./growing-blob.js";
import type { MirroredName } from "./mirror-names.js";
import { isNotThere } from "./upstream-faults.js";
import type { Upstream } from "./upstream.js";

interface BlobMirrorParts {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly spoolDirectory: string;
  readonly log: Logger;
}

/** Copies of upstreams' blobs. In one process there is at most one transfer of a blob at a time, however many want it. */
export class BlobMirror {
  readonly #fetches = new Map<string, BlobFetch>();
  readonly #slots = new Map<Upstream, FetchSlots>();
  readonly #absences = new Absences();

  readonly #homes: BlobHomes;

  constructor(private readonly parts: BlobMirrorParts) {
    this.#homes = new BlobHomes(parts.blobs);
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
    if (fetch !== undefined) return (await fetch.begun).size;
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
    if (!blob.hold()) {
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
    const fetch = new BlobFetch({ name, digest, copy, slots, spoolDirectory });
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
