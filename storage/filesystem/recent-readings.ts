const MAX_KNOWN = 10_000;

/**
 * Which large objects this process has read lately. What is read for the first time is likely not to be read again soon (a
 * scrub, a copy to one machine) and does not displace what is; the second time shows that it is worth a place in the page cache.
 */
export class RecentReadings {
  readonly #keys = new Set<string>();

  isFirst(key: string): boolean {
    const known = this.#keys.delete(key);
    this.#keys.add(key);
    const [oldest] = this.#keys.size > MAX_KNOWN ? this.#keys : [];
    if (oldest !== undefined) this.#keys.delete(oldest);
    return !known;
  }
}
