import { BerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { AdoptedBytes } from "./adopted-bytes.js";
import { CompactTable } from "./compact-table.js";

export interface CollectOptions {
  /** What is younger, or was asked for since, stays though nothing names it: a client may be about to. */
  readonly graceMs: number;
  /** Collect manifests that no tag, index or subject keeps, when they are older than that. Absent: they stay. */
  readonly untaggedGraceMs?: number;
  /** Only say what would go. Nothing is written. */
  readonly dryRun?: boolean;
  /** Ends the run early, which harms nothing. */
  readonly signal?: AbortSignal;
  /** Told of each thing that goes, or would. */
  readonly onFound?: (found: Found) => void;
  /** Told before a wait of so many milliseconds, for which there is nothing else to do. */
  readonly onWait?: (waitMs: number) => void;
}

export interface Found {
  readonly kind: "manifest" | "blob" | "upload";
  /** `repository@digest` of a manifest, the digest of a blob; of an upload `repository@id`, or where its bytes lie */
  readonly name: string;
  readonly size: number;
}

export interface CollectReport {
  /** Manifests and blobs that were looked at. */
  readonly manifests: number;
  readonly blobs: number;
  /** What went, or would. */
  readonly deletedManifests: number;
  readonly deletedBlobs: number;
  /** Data that nothing claimed: of writers that were killed, of manifests that were deleted. */
  readonly orphans: number;
  /** Links and referrers' entries to what is gone. */
  readonly staleNames: number;
  /** Pushes that never came to their end. */
  readonly abandoned: number;
  /** Blobs that nothing names, in the tree of another registry that may still do. They stay. */
  readonly shared: number;
  readonly bytes: number;
  readonly durationMs: number;
}

const PRESENT = 1;
const CLAIMED = 2;
const COUNTED = 4;
const BURIED = 8;

/** What one run knows. It is the run's own: another collector may be at work at the same time. */
export class Collection {
  /** Digests that manifests name. */
  readonly named = new CompactTable();
  /** Names of data, with flags. */
  readonly #data = new CompactTable();
  #unclaimed = 0;
  readonly adopted: AdoptedBytes;
  /** Bytes outside data/ (adopted from another registry) that are to go, each with what to do when they have gone. */
  readonly foreign = new Map<string, () => Promise<void>>();
  readonly tally = {
    manifests: 0,
    blobs: 0,
    deletedManifests: 0,
    deletedBlobs: 0,
    orphans: 0,
    staleNames: 0,
    abandoned: 0,
    shared: 0,
    bytes: 0,
  };

  constructor(
    readonly store: ObjectStore,
    readonly options: CollectOptions,
  ) {
    this.adopted = new AdoptedBytes(store);
  }

  get isDryRun(): boolean {
    return this.options.dryRun === true;
  }

  /** @throws BerthError ABORTED */
  assertWanted(): void {
    if (this.options.signal?.aborted) throw new BerthError("ABORTED", "the collection was stopped");
  }

  isOld(at: number, graceMs = this.options.graceMs): boolean {
    return Date.now() - at >= graceMs;
  }

  /** The data was there before any register was read. */
  addPresent(data: string): void {
    this.#data.add(data, PRESENT);
    this.#unclaimed++;
  }

  /** A register says that the data is in use, or about to be. */
  claim(claims: readonly string[]): void {
    for (const data of claims) {
      if (this.isGarbage(data)) this.#unclaimed--;
      this.#data.add(data, CLAIMED);
    }
  }

  get hasGarbage(): boolean {
    return this.#unclaimed > 0 || this.foreign.size > 0;
  }

  isClaimed(data: string): boolean {
    return (this.#data.flagsOf(data) & CLAIMED) !== 0;
  }

  /** Nobody claims it, and nobody ever will: who had not yet claimed it could not have made it. */
  isGarbage(data: string): boolean {
    const flags = this.#data.flagsOf(data);
    return (flags & PRESENT) !== 0 && (flags & CLAIMED) === 0;
  }

  /** The run made a tombstone of the pointer to the data, which has a name of its own: it never comes back. */
  bury(data: string): void {
    this.#data.add(data, BURIED);
  }

  isBuried(data: string): boolean {
    return (this.#data.flagsOf(data) & BURIED) !== 0;
  }

  /** Its size has been added up. */
  isCounted(data: string): boolean {
    return (this.#data.flagsOf(data) & COUNTED) !== 0;
  }

  found(found: Found, data: string): void {
    this.#data.add(data, COUNTED);
    this.tally.bytes += found.size;
    this.options.onFound?.(found);
  }
}
