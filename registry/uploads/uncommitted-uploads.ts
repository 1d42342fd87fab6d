import { isBerthError } from "../../oci/errors.js";
import type { UncommittedLimits } from "../config/uploads-section.js";
import { Refusal } from "../http/refusal.js";
import { eachAtOnce } from "../at-once.js";

export interface UploadOwner {
  readonly repository: string;
  /** partyOf (../http/party.ts) */
  readonly client: string;
}

interface Entry {
  readonly owner: UploadOwner;
  size: number;
  /** By a request in this process, at the moment. */
  isReceiving: boolean;
}

interface Tally {
  readonly ids: Set<string>;
  bytes: number;
  recountedAt: number;
  recounting: Promise<void> | undefined;
}

/** Of memory; an upload that is forgotten no longer counts. */
const MAX_ENTRIES = 20_000;
/** Each costs a look at every upload that is counted. */
const RECOUNT_EVERY_MS = 10_000;
const LOOKS_AT_ONCE = 16;
const RETRY_AFTER_SECONDS = 60;

/**
 * Limits what clients may leave lying about: uploads that were begun and not committed, each until it expires. Each process
 * counts those that it has begun or gone on with, which costs no request to the store; when they come to half of a limit it
 * looks which of them have gone on, or come to their end, elsewhere.
 */
export class UncommittedUploads {
  readonly #entries = new Map<string, Entry>();
  readonly #tallies = new Map<string, Tally>();

  /** @param look bytes of an upload as the store knows it; throws UPLOAD_UNKNOWN when it has ended */
  constructor(
    private readonly limits: UncommittedLimits,
    private readonly look: (repository: string, id: string) => Promise<number>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get receiving(): number {
    return [...this.#entries.values()].filter(({ isReceiving }) => isReceiving).length;
  }

  /** Counts an upload that is about to be begun; `left` says that it has been. @throws BerthError TOO_MANY_REQUESTS with `retryAfterSeconds` */
  async begin(id: string, owner: UploadOwner): Promise<void> {
    await this.refresh(owner);
    for (const { key, what, limit } of this.#limitsOf(owner)) {
      if ((this.#tallies.get(key)?.ids.size ?? 0) < limit.count) continue;
      const message = `${what} has ${String(limit.count)} uploads that were begun and not committed: commit or cancel some`;
      throw new Refusal("TOO_MANY_REQUESTS", "uploads", message, {
        details: { limit: limit.count, retryAfterSeconds: RETRY_AFTER_SECONDS },
      });
    }
    // Else it would be taken for ended by whoever looks before the store knows it.
    this.#add(id, owner).isReceiving = true;
  }

  /** To be called before an upload of the owner is gone on with, so that what counts is what there is. */
  async refresh(owner: UploadOwner): Promise<void> {
    for (const { key, limit } of this.#limitsOf(owner)) {
      const tally = this.#tallies.get(key);
      if (tally === undefined || (tally.ids.size * 2 <= limit.count && tally.bytes * 2 <= limit.bytes)) continue;
      if (tally.recounting === undefined && this.now() - tally.recountedAt >= RECOUNT_EVERY_MS) {
        tally.recountedAt = this.now();
        tally.recounting = this.#recount(tally).finally(() => {
          tally.recounting = undefined;
        });
      }
      await tally.recounting;
    }
  }

  /**
   * For an upload that a request is about to receive, perhaps one that another process has begun.
   * @param size that it has
   * @returns to be told how large the upload is by now, or is going to be; throws DENIED when it grows too large
   */
  gaugeOf(id: string, owner: UploadOwner, size = 0): (size: number) => void {
    const entry = this.#entries.get(id) ?? this.#add(id, owner);
    entry.isReceiving = true;
    this.#resize(id, entry, size);
    return (by) => {
      const isLarger = by > entry.size;
      this.#resize(id, entry, by);
      // The last request of an upload, which makes room, must not be kept out.
      if (!isLarger) return;
      for (const { key, what, limit } of this.#limitsOf(entry.owner)) {
        const bytes = this.#tallies.get(key)?.bytes ?? 0;
        if (bytes <= limit.bytes) continue;
        const message = `uploads of ${what} that were not committed would hold ${String(bytes)} bytes, and may hold ${String(limit.bytes)}`;
        throw new Refusal("DENIED", "uploads", message, { details: { limit: limit.bytes } });
      }
    };
  }

  /** The request has ended, and another may go on. */
  left(id: string, size: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.isReceiving = false;
    this.#resize(id, entry, size);
  }

  /** Committed, cancelled or expired. */
  ended(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#resize(id, entry, 0);
    this.#entries.delete(id);
    for (const { key } of this.#limitsOf(entry.owner)) {
      const tally = this.#tallies.get(key);
      tally?.ids.delete(id);
      if (tally?.ids.size === 0) this.#tallies.delete(key);
    }
  }

  #add(id: string, owner: UploadOwner): Entry {
    const entry = { owner, size: 0, isReceiving: false };
    this.#entries.set(id, entry);
    for (const { key } of this.#limitsOf(owner)) {
      const tally = this.#tallies.get(key) ?? {
        ids: new Set(),
        bytes: 0,
        recountedAt: -Infinity,
        recounting: undefined,
      };
      this.#tallies.set(key, tally);
      tally.ids.add(id);
    }
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.ended(oldest);
    return entry;
  }

  #resize(id: string, entry: Entry, size: number): void {
    if (this.#entries.get(id) !== entry) return;
    for (const { key } of this.#limitsOf(entry.owner)) {
      const tally = this.#tallies.get(key);
      if (tally !== undefined) tally.bytes += size - entry.size;
    }
    entry.size = size;
  }

  async #recount({ ids }: Tally): Promise<void> {
    await eachAtOnce([...ids], LOOKS_AT_ONCE, async (id) => {
      const entry = this.#entries.get(id);
      if (entry === undefined || entry.isReceiving) return;
      try {
        const size = await this.look(entry.owner.repository, id);
        if (!entry.isReceiving) this.#resize(id, entry, size);
      } catch (error) {
        // What cannot be looked up still counts, and keeps nobody from beginning another.
        if (isBerthError(error, "UPLOAD_UNKNOWN") && !entry.isReceiving) this.ended(id);
      }
    });
  }

  #limitsOf({ repository, client }: UploadOwner): readonly {
    readonly key: string;
    readonly what: string;
    readonly limit: UncommittedLimits["perRepository"];
  }[] {
    const { perRepository, perClient } = this.limits;
    return [
      { key: `repository ${repository}`, what: "this repository", limit: perRepository },
      { key: `client ${client}`, what: "this client", limit: perClient },
    ];
  }
}
