import { isDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys } from "../storage/key-tree.js";

/** Written before a tag is moved: a run that was killed has left it at one or the other. */
interface Attempt {
  readonly before: Digest | undefined;
  readonly after: Digest;
}

/**
 * What each tag of a repository named when it was imported. A later run tells by it whether a tag was moved there, and is to
 * follow, or here, and is to stay.
 */
export class ImportedTags {
  #changed = false;

  private constructor(
    private readonly store: ObjectStore,
    private readonly key: string,
    private readonly entries: Map<string, Digest | Attempt>,
  ) {}

  static async read(store: ObjectStore, repository: string): Promise<ImportedTags> {
    const key = keys.importedTags(repository);
    const entries = new Map<string, Digest | Attempt>();
    try {
      const json = JSON.parse((await store.get(key)).toString()) as Record<string, unknown>;
      for (const [tag, written] of Object.entries(json)) {
        const entry = asEntry(written);
        if (entry !== undefined) entries.set(tag, entry);
      }
    } catch (error) {
      if (!isBerthError(error, "OBJECT_UNKNOWN")) throw error;
    }
    return new ImportedTags(store, key, entries);
  }

  /** Whether nobody but imports has moved the tag, which names `now`. */
  isOurs(tag: string, now: Digest | undefined): boolean {
    const entry = this.entries.get(tag);
    return typeof entry === "object" ? now === entry.before || now === entry.after : now === entry;
  }

  attempt(tag: string, before: Digest | undefined, after: Digest): void {
    this.entries.set(tag, { before, after });
    this.#changed = true;
  }

  set(tag: string, digest: Digest): void {
    if (this.entries.get(tag) === digest) return;
    this.entries.set(tag, digest);
    this.#changed = true;
  }

  async write(): Promise<void> {
    if (this.#changed) await this.store.put(this.key, Buffer.from(JSON.stringify(Object.fromEntries(this.entries))));
    this.#changed = false;
  }
}

function asEntry(written: unknown): Digest | Attempt | undefined {
  const digestIn = (value: unknown): Digest | undefined =>
    typeof value === "string" && isDigest(value) ? value : undefined;
  if (typeof written !== "object" || written === null) return digestIn(written);
  const { before, after } = written as Record<keyof Attempt, unknown>;
  const moved = digestIn(after);
  return moved && { before: digestIn(before), after: moved };
}
