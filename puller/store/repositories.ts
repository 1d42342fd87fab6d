import { isDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { familiarName, familiarReference, type Reference } from "../../oci/reference.js";
import { writeDurably } from "./durable-file.js";
import { readIfThere } from "./read-if-there.js";

/** Docker's repositories.json: {"Repositories": {"debian": {"debian:12": "sha256:<id>", "debian@sha256:<d>": "sha256:<id>"}}}. */
export class Repositories {
  readonly #path: string;
  readonly #names: Map<string, Digest>;

  private constructor(path: string, names: Map<string, Digest>) {
    this.#path = path;
    this.#names = names;
  }

  /** @throws BerthError STORAGE when the file is not what berth writes */
  static load(path: string): Repositories {
    const text = readIfThere(path);
    const names = new Map<string, Digest>();
    if (text !== undefined) {
      try {
        const { Repositories: all } = JSON.parse(text) as { Repositories: Record<string, Record<string, string>> };
        for (const references of Object.values(all)) {
          for (const [name, id] of Object.entries(references)) if (isDigest(id)) names.set(name, id);
        }
      } catch (cause) {
        throw new BerthError("STORAGE", `${path} is damaged: move it away and pull the images again`, { cause });
      }
    }
    return new Repositories(path, names);
  }

  get(reference: Reference): Digest | undefined {
    return this.#names.get(keyOf(reference));
  }

  /** Keys of an image, sorted. */
  namesOf(id: Digest): string[] {
    return [...this.#names]
      .filter(([, target]) => target === id)
      .map(([name]) => name)
      .sort();
  }

  /** Every (name, image) pair. */
  entries(): IterableIterator<[string, Digest]> {
    return this.#names.entries();
  }

  set(reference: Reference, id: Digest): void {
    this.#names.set(keyOf(reference), id);
  }

  delete(name: string): void {
    this.#names.delete(name);
  }

  async save(): Promise<void> {
    // A map, as a repository may be called `constructor`, which every object has.
    const all = new Map<string, Record<string, Digest>>();
    for (const [name, id] of [...this.#names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const repository = repositoryOf(name);
      const names = all.get(repository) ?? {};
      names[name] = id;
      all.set(repository, names);
    }
    await writeDurably(this.#path, JSON.stringify({ Repositories: Object.fromEntries(all) }));
  }
}

/** A name with both tag and digest is kept by its digest, as Docker does. */
function keyOf(reference: Reference): string {
  if (reference.digest === undefined) return familiarReference(reference);
  return `${familiarName(reference)}@${reference.digest}`;
}

/** `127.0.0.1:5000/app` of `127.0.0.1:5000/app:1` and of `127.0.0.1:5000/app@sha256:...`. */
export function repositoryOf(name: string): string {
  const at = name.indexOf("@");
  if (at >= 0) return name.slice(0, at);
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}

export function isDigestName(name: string): boolean {
  return name.includes("@");
}
