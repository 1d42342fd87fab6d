import { randomUUID } from "node:crypto";

import { blobClaimsOf, type BlobPointer } from "../storage/blob-store.js";
import { digestOfBlobKey, keys } from "../storage/key-tree.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";
import { eachAtOnce } from "../at-once.js";
import type { Collection } from "./collection.js";
import type { ManifestCensus } from "./manifest-census.js";
import { partsOf, readListed, registersBelow, strangeKey, type Listed } from "./register-scan.js";

const PARTS_AT_ONCE = 4;
const READS_AT_ONCE = 16;
/** Each batch costs another listing of the manifests, and some 300 bytes for each blob in it. */
const BATCH = 100_000;

interface Candidate {
  readonly register: WriteOnceRegister<BlobPointer>;
  readonly digest: string;
  readonly condemned: Entry<BlobPointer>;
}

/**
 * Condemns the blobs that nothing names, looks at all manifests again, and buries those that are still not named
 * (docs/decisions, "Pointers change by creation alone").
 */
export class BlobCollector {
  constructor(
    private readonly collection: Collection,
    private readonly census: ManifestCensus,
  ) {}

  async run(): Promise<void> {
    const { store } = this.collection;
    const parts = await partsOf(store, `${keys.blobs}/`, 2);
    let batch: Candidate[] = [];
    for (let i = 0; i < parts.length; i += PARTS_AT_ONCE) {
      await eachAtOnce(parts.slice(i, i + PARTS_AT_ONCE), PARTS_AT_ONCE, async (part) => {
        await eachAtOnce(registersBelow(store, part), READS_AT_ONCE, async (listed) => {
          const candidate = await this.#judge(listed);
          if (candidate !== undefined) batch.push(candidate);
        });
      });
      if (batch.length < BATCH && i + PARTS_AT_ONCE < parts.length) continue;
      await this.#bury(batch);
      batch = [];
    }
  }

  /** Condemns the blob when nothing names it, and claims its data otherwise. */
  async #judge(listed: Listed): Promise<Candidate | undefined> {
    const { collection } = this;
    collection.assertWanted();
    const digest = digestOfBlobKey(listed.key);
    if (digest === undefined) throw strangeKey(listed.key);
    const register = new WriteOnceRegister<BlobPointer>(collection.store, listed.key);
    collection.tally.blobs++;
    let entry = await readListed<BlobPointer>(collection.store, listed);
    for (; entry !== undefined; entry = await register.read()) {
      const { value } = entry;
      if (value.state === "tombstone") {
        await this.#giveUp(register, entry);
        return undefined;
      }
      if (value.state === "pending" && collection.isOld(value.at)) {
        const given: BlobPointer = { state: "tombstone", data: value.data, size: value.size, at: Date.now() };
        if (!collection.isDryRun && (await register.replace(entry, given)) === undefined) continue;
        collection.tally.abandoned++;
        return undefined;
      }
      const isKept =
        value.state === "pending" ||
        collection.named.has(digest) ||
        (value.state === "live" && !collection.isOld(value.at));
      if (isKept) {
        collection.claim(blobClaimsOf(value));
        return undefined;
      }
      if (await collection.adopted.areShared(value.data)) {
        collection.tally.shared++;
        collection.claim(blobClaimsOf(value));
        return undefined;
      }
      if (collection.isDryRun) {
        this.#count(digest, value);
        return undefined;
      }
      const condemned: Entry<BlobPointer> | undefined =
        value.state === "condemned" ? entry : await register.replace(entry, { ...value, state: "condemned" });
      if (condemned !== undefined) return { register, digest, condemned };
    }
    return undefined;
  }

  async #bury(batch: readonly Candidate[]): Promise<void> {
    if (batch.length === 0) return;
    const { collection } = this;
    await this.census.take();
    await eachAtOnce(batch, READS_AT_ONCE, async ({ register, digest, condemned }) => {
      collection.assertWanted();
      const { value } = condemned;
      const isNamed = collection.named.has(digest);
      const state = isNamed ? "live" : "tombstone";
      const replaced = await register.replace(condemned, { ...value, state, at: isNamed ? value.at : Date.now() });
      if (replaced === undefined) collection.claim(blobClaimsOf((await register.read())?.value));
      else if (isNamed) collection.claim(blobClaimsOf(replaced.value));
      else {
        this.#count(digest, value);
        await this.#giveUp(register, replaced);
      }
    });
  }

  /**
   * What leads to the bytes may go. Bytes outside of data/ are found by no listing, should the run end before they are
   * deleted: their tombstone tells. Once they have gone it is replaced by one that names nothing, so that they are deleted
   * once: another registry may write there again.
   */
  async #giveUp(register: WriteOnceRegister<BlobPointer>, tombstone: Entry<BlobPointer>): Promise<void> {
    const { value } = tombstone;
    if (!value.data.includes("/")) {
      this.collection.bury(value.data);
      return;
    }
    if (await this.collection.adopted.areShared(value.data)) return;
    this.collection.foreign.set(value.data, async () => {
      await register.replace(tombstone, { ...value, data: randomUUID() });
    });
  }

  #count(digest: string, { data, size }: BlobPointer): void {
    this.collection.tally.deletedBlobs++;
    this.collection.found({ kind: "blob", name: digest, size }, data);
  }
}
