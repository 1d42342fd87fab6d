import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys } from "../storage/key-tree.js";

interface Place {
  readonly step: "blobs" | "repositories";
  /** The last register of a blob, or repository, that was done. */
  readonly after: string;
  readonly at: number;
}

const SAVE_EVERY_MS = 10_000;
/** What was scrubbed longer ago than that is scrubbed again. */
const MAX_AGE_MS = 7 * 24 * 3600_000;

/** How far a scrub has come, kept in the store for the next one in case this one is interrupted. */
export class ScrubProgress {
  #saved = performance.now();

  constructor(private readonly store: ObjectStore) {}

  /** Where an interrupted scrub was, if one was. */
  async read(): Promise<Place | undefined> {
    try {
      const place = JSON.parse((await this.store.get(keys.scrubProgress)).toString()) as Place;
      return Date.now() - place.at < MAX_AGE_MS ? place : undefined;
    } catch (error) {
      if (isBerthError(error, "OBJECT_UNKNOWN") || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Every now and then; always when `now`. */
  async save(step: Place["step"], after: string, now: boolean): Promise<void> {
    if (!now && performance.now() - this.#saved < SAVE_EVERY_MS) return;
    this.#saved = performance.now();
    const place: Place = { step, after, at: Date.now() };
    await this.store.put(keys.scrubProgress, Buffer.from(JSON.stringify(place)));
  }

  async finish(): Promise<void> {
    await this.store.delete(keys.scrubProgress);
  }
}
