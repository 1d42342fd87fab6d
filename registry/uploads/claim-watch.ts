import { BoundedMap } from "../bounded-map.js";

interface Sighting {
  /** Of the register's entry. */
  readonly number: number;
  /** By this process's monotonic clock. */
  readonly since: number;
}

/** Each costs a hundred bytes; the longest unseen are forgotten first, and then are seen anew. */
const MAX_SIGHTINGS = 10_000;

/**
 * Tells a claim whose holder has vanished from one that lives, without comparing the clocks of two hosts: a holder renews its
 * claim by a new entry, so an entry that this process has seen unchanged for the whole lease has no holder any more.
 */
export class ClaimWatch {
  readonly #seen = new BoundedMap<string, Sighting>(MAX_SIGHTINGS);

  constructor(private readonly leaseMs: number) {}

  /** To be asked with the claim in force; true when it was the same one `leaseMs` ago. */
  isAbandoned(id: string, number: number): boolean {
    const now = performance.now();
    const seen = this.#seen.get(id);
    if (seen?.number === number) return now - seen.since >= this.leaseMs;
    this.#seen.set(id, { number, since: now });
    return false;
  }

  forget(id: string): void {
    this.#seen.delete(id);
  }
}
