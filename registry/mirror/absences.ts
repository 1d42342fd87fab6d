import type { BerthError } from "../../oci/errors.js";
import { BoundedMap } from "../bounded-map.js";

const MAX_ENTRIES = 10_000;

/** What an upstream has said is not there, for a short while: clients ask for such things again and again. */
export class Absences {
  readonly #entries = new BoundedMap<string, { readonly error: BerthError; readonly until: number }>(MAX_ENTRIES);

  /** @throws BerthError what was noted, while it holds */
  assertNotNoted(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    if (entry.until > performance.now()) throw entry.error;
    this.#entries.delete(key);
  }

  note(key: string, error: BerthError, forMs: number): void {
    if (forMs === 0) return;
    this.#entries.set(key, { error, until: performance.now() + forMs });
  }
}
