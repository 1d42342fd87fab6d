import type { Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import { BoundedMap } from "../bounded-map.js";
import type { TagStore } from "../storage/tag-store.js";

export interface ConfirmedTag {
  readonly digest: Digest;
  /** Milliseconds since the epoch: when the upstream last said so. */
  readonly at: number;
}

interface Confirmation extends ConfirmedTag {
  /** When the store was last told. */
  readonly writtenAt: number;
}

const MAX_ENTRIES = 100_000;
/** A confirmation costs a write only so often: what the store's time is for is how long a stale tag may be served. */
const WRITE_EVERY_MS = 600_000;

/**
 * When each tag of a copy was last confirmed by its upstream: in this process to the moment, in the store (the tag's own
 * time) to ten minutes.
 */
export class TagConfirmations {
  readonly #confirmations = new BoundedMap<string, Confirmation>(MAX_ENTRIES);

  constructor(private readonly tags: TagStore) {}

  async find(stored: string, tag: string): Promise<ConfirmedTag | undefined> {
    let digest: Digest;
    try {
      digest = await this.tags.resolve(stored, tag);
    } catch (error) {
      if (isBerthError(error, "MANIFEST_UNKNOWN")) return undefined;
      throw error;
    }
    const known = this.#confirmations.get(keyOf(stored, tag));
    if (known?.digest === digest) return known;
    const described = await this.tags.describe(stored, tag);
    if (described === undefined) return undefined;
    const { pushedAt } = described;
    this.#keep(stored, tag, { digest: described.digest, at: pushedAt, writtenAt: pushedAt });
    return { digest: described.digest, at: pushedAt };
  }

  async confirm(stored: string, tag: string, digest: Digest): Promise<void> {
    const now = Date.now();
    const known = await this.find(stored, tag);
    const written = this.#confirmations.get(keyOf(stored, tag))?.writtenAt ?? 0;
    const isWritten = known?.digest === digest && Math.abs(now - written) < WRITE_EVERY_MS;
    if (!isWritten) await this.tags.put(stored, tag, digest);
    this.#keep(stored, tag, { digest, at: now, writtenAt: isWritten ? written : now });
  }

  /** The upstream no longer has the tag. */
  async forget(stored: string, tag: string): Promise<void> {
    this.#confirmations.delete(keyOf(stored, tag));
    try {
      await this.tags.delete(stored, tag);
    } catch (error) {
      if (!isBerthError(error, "MANIFEST_UNKNOWN")) throw error;
    }
  }

  #keep(stored: string, tag: string, confirmation: Confirmation): void {
    this.#confirmations.set(keyOf(stored, tag), confirmation);
  }
}

function keyOf(stored: string, tag: string): string {
  return `${stored}:${tag}`;
}
