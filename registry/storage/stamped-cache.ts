import type { ObjectStore } from "../../storage/object-store.js";

interface Cached<V> {
  readonly stamp: string;
  readonly value: V;
  readonly weight: number;
}

/**
 * Values read from the store, each kept as long as the store's stamp of its key stays the same. So another process's change
 * is seen at once, at the price of a look at the medium (a stat of the file system) for each hit. The least recently used
 * go first when the weights exceed the capacity.
 */
export class StampedCache<V> {
  readonly #entries = new Map<string, Cached<V>>();
  #weight = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly capacity: number,
    private readonly weightOf: (value: V) => number,
  ) {}

  /** @param key whose stamp tells whether the value still holds; also the name under which it is cached */
  async get(key: string, load: () => Promise<V>): Promise<V> {
    const stamp = await this.store.stampOf(key);
    if (stamp === undefined) return await load();
    const cached = this.#entries.get(key);
    if (cached?.stamp === stamp) {
      this.#entries.delete(key);
      this.#entries.set(key, cached);
      return cached.value;
    }
    // Taken before the value is read: a change in between makes the entry useless, never wrong.
    const value = await load();
    this.#keep(key, { stamp, value, weight: this.weightOf(value) });
    return value;
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
