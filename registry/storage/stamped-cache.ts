import type { ObjectStore } from "../../storage/object-store.js";

interface Cached<V> {
  /** Of the key when it was read; absent on a medium without stamps. */
  readonly stamp?: string;
  /** On a medium without stamps, until when the value may be taken for what is there. */
  readonly until: number;
  readonly value: V;
  readonly weight: number;
}

interface CacheOptions {
  /**
   * Another process's change may be noticed up to StoreTraits.staleForMs late on a medium without stamps: for what a digest
   * names, never for tags. What this process changes it must `forget`.
   */
  readonly mayLag?: boolean;
}

export interface CacheReading {
  /** For a writer, who must not rely on what may have changed. */
  readonly fresh?: boolean;
}

/**
 * Values read from the store, each kept as long as the store's stamp of its key stays the same. So another process's change
 * is seen at once, at the price of a look at the medium (a stat of the file system) for each hit. S3 has no such stamps: there
 * a value is read again each time, or now and then where it may lag. The least recently used go first when the weights
 * exceed the capacity.
 */
export class StampedCache<V> {
  readonly #entries = new Map<string, Cached<V>>();
  readonly #staleForMs: number;
  #weight = 0;
  /** Counts what was forgotten: a value whose reading began before may be the forgotten one. */
  #forgotten = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly capacity: number,
    private readonly weightOf: (value: V) => number,
    { mayLag = false }: CacheOptions = {},
  ) {
    this.#staleForMs = mayLag ? store.traits.staleForMs : 0;
  }

  /**
   * @param key whose stamp tells whether the value still holds; also the name under which it is cached
   */
  async get(key: string, load: () => Promise<V>, { fresh = false }: CacheReading = {}): Promise<V> {
    const stamp = await this.store.stampOf(key);
    if (stamp === undefined && this.#staleForMs === 0) return await load();
    const cached = this.#entries.get(key);
    const now = performance.now();
    if (cached !== undefined && (stamp === undefined ? !fresh && now < cached.until : cached.stamp === stamp)) {
      this.#entries.delete(key);
      this.#entries.set(key, cached);
      return cached.value;
    }
    const forgotten = this.#forgotten;
    // Stamp and time were taken before the value is read: a change in between makes the entry useless, never wrong.
    const value = await load();
    if (forgotten === this.#forgotten) {
      const known = stamp === undefined ? { until: now + this.#staleForMs } : { stamp, until: 0 };
      this.#keep(key, { ...known, value, weight: this.weightOf(value) });
    }
    return value;
  }

  /** To be called when this process has changed what is at the key. */
  forget(key: string): void {
    this.#forgotten++;
    this.#drop(key);
  }

  #keep(key: string, entry: Cached<V>): void {
    this.#drop(key);
    if (entry.weight > this.capacity) return;
    this.#entries.set(key, entry);
    this.#weight += entry.weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.capacity) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }
}
