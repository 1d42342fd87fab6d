import { digestOfKey, keys, repositoryOfPrefix } from "../storage/key-tree.js";
import type { ManifestRecord } from "../storage/manifest-record.js";
import { listAllPrefixes } from "../storage/whole-listing.js";
import { WriteOnceRegister, type Entry } from "../storage/write-once-register.js";
import { eachAtOnce } from "../at-once.js";
import type { Collection } from "./collection.js";
import { RepositoryView, type KnownManifest } from "./repository-view.js";

const WRITES_AT_ONCE = 16;
/** Each is read in several steps that wait for one another. */
const REPOSITORIES_AT_ONCE = 4;

interface Condemned {
  readonly register: WriteOnceRegister<ManifestRecord>;
  readonly entry: Entry<ManifestRecord>;
}

/**
 * Collects manifests that nothing needs, one layer at a time: what an index names, and what refers to a manifest, is looked
 * at only once that index or manifest is gone for good. So whoever saves a condemned manifest finds all of it there.
 */
export class UntaggedCollector {
  /** Registers that a dry run would have turned into tombstones. */
  readonly gone = new Set<string>();

  constructor(
    private readonly collection: Collection,
    private readonly graceMs: number,
  ) {}

  async run(): Promise<void> {
    const all = await listAllPrefixes(this.collection.store, `${keys.manifestRegisters}/`);
    await eachAtOnce(all, REPOSITORIES_AT_ONCE, async (prefix) => {
      await this.collect(repositoryOfPrefix(prefix));
    });
  }

  /** Of one repository alone. */
  async collect(repository: string): Promise<void> {
    const view = new RepositoryView(this.collection, repository, this.gone);
    let went: boolean;
    do {
      went = false;
      await view.take();
      const condemned: Condemned[] = [];
      await eachAtOnce(view.unneeded(this.graceMs), WRITES_AT_ONCE, async (manifest) => {
        this.collection.assertWanted();
        const found = await this.#condemn(manifest);
        if (found !== undefined) condemned.push(found);
      });
      if (condemned.length === 0) return;
      if (!this.collection.isDryRun) await view.take();
      await eachAtOnce(condemned, WRITES_AT_ONCE, async (it) => {
        this.collection.assertWanted();
        if (await this.#bury(repository, view, it)) went = true;
      });
    } while (went);
  }

  async #condemn({ key, number }: KnownManifest): Promise<Condemned | undefined> {
    const register = new WriteOnceRegister<ManifestRecord>(this.collection.store, key);
    const entry = await register.readEntry(number);
    if (entry === undefined) return undefined;
    if (entry.value.state === "condemned" || this.collection.isDryRun) return { register, entry };
    const condemned = await register.replace(entry, { ...entry.value, state: "condemned" });
    return condemned && { register, entry: condemned };
  }

  /** True when the manifest is gone. */
  async #bury(repository: string, view: RepositoryView, { register, entry }: Condemned): Promise<boolean> {
    const { value } = entry;
    const digest = digestOfKey(register.key);
    if (digest === undefined) return false;
    if (this.collection.isDryRun) {
      this.gone.add(register.key);
    } else {
      if (view.isNeeded(digest, value.subject)) {
        await register.replace(entry, { ...value, state: "live" });
        return false;
      }
      const tombstone: ManifestRecord = { ...value, state: "tombstone", refs: [], at: Date.now() };
      if ((await register.replace(entry, tombstone)) === undefined) return false;
      if (value.subject !== undefined) {
        await this.collection.store.delete(keys.referrer(repository, value.subject, digest, value.data));
      }
    }
    this.collection.tally.deletedManifests++;
    this.collection.found({ kind: "manifest", name: `${repository}@${digest}`, size: value.size }, value.data);
    return true;
  }
}
