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
   * names, never for tags. What this process changes it must `change` or `forget`.
   */
  readonly mayLag?: boolean;
}

export interface CacheReading {
  /** For a writer, who must not rely on what may have changed. */
  readonly fresh?: boolean;
}

/** A reading or a change that is under way. */
interface UnderWay {
  /** The key was changed meanwhile: what was read or written is not what is there. */
  spoiled: boolean;
}

/**
 * Values read from the store, each kept as long as the store's stamp of its key stays the same. So another process's change
 * is seen at once, at the price of a look at the medium (a stat of the file system) for each hit. S3 has no such stamps: there
 * a value is read again each time, or now and then where it may lag. The least recently used go first when the weights
 * exceed the capacity.
 */
export class StampedCache<V> {
  readonly #entries = new Map<string, Cached<V>>();
  readonly #underWay = new Map<string, Set<UnderWay>>();
  readonly #staleForMs: number;
  #weight = 0;
  /** Of any key. */
  #changes = 0;

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
    // Stamp and time were taken before the value is read: a change in between makes the entry useless, never wrong.
    const known = stamp === undefined ? { until: now + this.#staleForMs } : { stamp, until: 0 };
    return await this.#watch(key, async (reading) => {
      const value = await load();
      if (!reading.spoiled) this.#keep(key, { ...known, value, weight: this.weightOf(value) });
      return value;
    });
  }

  /** Whether a value that may lag is known without asking the store. */
  holds(key: string): boolean {
    const cached = this.#entries.get(key);
    return cached !== undefined && cached.stamp === undefined && performance.now() < cached.until;
  }

  /**
   * To be called when this process changes what is at the key. What it is afterwards need not be read where values may lag.
   * @param act throws, or makes it what it returns; undefined when that is not known
   */
  async change(key: string, act: () => Promise<V | undefined>): Promise<V | undefined> {
    const now = performance.now();
    return await this.#watch(key, async (change) => {
      try {
        const value = await act();
        const { spoiled } = change;
        this.forget(key);
        if (value !== undefined && !spoiled) this.#keepFor(key, value, now);
        return value;
      } catch (error) {
        this.forget(key);
        throw error;
      }
    });
  }

  /**
   * Keeps what one reading tells of many keys, where values may lag; nothing when this process has changed any key meanwhile.
   * @param read is not called where they may not
   */
  async keepAll(read: () => Promise<ReadonlyMap<string, V>>): Promise<void> {
    if (this.#staleForMs === 0) return;
    const now = performance.now();
    const changes = this.#changes;
    const values = await read();
    if (changes !== this.#changes) return;
    for (const [key, value] of values) this.#keepFor(key, value, now);
  }

  /** To be called when this process has changed what is at the key. */
  forget(key: string): void {
    this.#changes++;
    for (const other of this.#underWay.get(key) ?? []) other.spoiled = true;
    this.#drop(key);
  }

  async #watch<T>(key: string, act: (underWay: UnderWay) => Promise<T>): Promise<T> {
    const own: UnderWay = { spoiled: false };
    const all = this.#underWay.get(key) ?? new Set();
    this.#underWay.set(key, all.add(own));
    try {
      return await act(own);
    } finally {
      all.delete(own);
      if (all.size === 0) this.#underWay.delete(key);
    }
  }

  #keepFor(key: string, value: V, since: number): void {
    if (this.#staleForMs === 0) return;
    this.#keep(key, { until: since + this.#staleForMs, value, weight: this.weightOf(value) });
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
