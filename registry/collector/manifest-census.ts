import { digestOfKey, keys } from "../storage/key-tree.js";
import { claimsOf, type ManifestRecord } from "../storage/manifest-record.js";
import { WriteOnceRegister } from "../storage/write-once-register.js";
import { eachAtOnce } from "../at-once.js";
import type { Collection } from "./collection.js";
import { CompactTable } from "./compact-table.js";
import { readListed, registersBelow, strangeKey, type Listed } from "./register-scan.js";

const READS_AT_ONCE = 32;

/** What the manifests of all repositories name. Taken again, it reads only what is new. */
export class ManifestCensus {
  /** An entry of a register never changes, so one that was read need not be read again. */
  readonly #seen = new CompactTable();

  /** @param leftOut registers that count as gone: a dry run's */
  constructor(
    private readonly collection: Collection,
    private readonly leftOut: ReadonlySet<string>,
  ) {}

  async take(): Promise<void> {
    const { store } = this.collection;
    const all = registersBelow(store, `${keys.manifestRegisters}/`);
    await eachAtOnce(all, READS_AT_ONCE, async (listed) => {
      this.collection.assertWanted();
      if (digestOfKey(listed.key) === undefined) throw strangeKey(listed.key);
      if (this.leftOut.has(listed.key) || this.#seen.has(nameOf(listed))) return;
      await this.#read(listed);
    });
  }

  async #read(listed: Listed): Promise<void> {
    const { collection } = this;
    const register = new WriteOnceRegister<ManifestRecord>(collection.store, listed.key);
    let entry = await readListed<ManifestRecord>(collection.store, listed);
    while (entry?.value.state === "pending" && collection.isOld(entry.value.at)) {
      // Its writer is dead, or so slow that it may as well begin again.
      const aborted: ManifestRecord = { ...entry.value, state: "aborted", refs: [], others: [], at: Date.now() };
      if (collection.isDryRun || (await register.replace(entry, aborted)) !== undefined) {
        collection.tally.abandoned++;
        return;
      }
      entry = await register.read();
    }
    if (entry === undefined) return;
    this.#seen.add(nameOf({ key: listed.key, number: entry.number }));
    const claims = claimsOf(entry.value);
    if (claims.length === 0) return;
    collection.tally.manifests++;
    collection.claim(claims);
    for (const digest of entry.value.refs) collection.named.add(digest);
  }
}

function nameOf({ key, number }: Listed): string {
  return `${key}/${String(number)}`;
}
