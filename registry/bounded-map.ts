/**
 * A map that keeps at least the last half of `capacity` entries that were set, and never more than `capacity`. Two
 * generations instead of one queue: to find the oldest entry of a large Map takes V8 ever longer when it is done each time.
 */
export class BoundedMap<K, V extends object | string> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  constructor(private readonly capacity: number) {}

  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: K, value: V): void {
    this.#young.set(key, value);
    if (this.#young.size < this.capacity / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
