import { randomUUID } from "node:crypto";

import { isDigest, type Digest } from "../../oci/digest.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { keys, lastComponentOf, repositoryOfHold } from "../storage/key-tree.js";
import { listAllKeys } from "../storage/whole-listing.js";

/** What is about to be added to a repository. */
export type Addition =
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number }
  | { readonly kind: "tag"; readonly tag: string };

export interface Hold {
  readonly repository: string;
  readonly addition: Addition;
}

/** A hold of a process that was killed counts no longer than this, whatever its clock was; longer than any commit takes. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;
const NAME = /^(?<at>\d+)-[0-9a-f-]{36}-(?:(?<algorithm>sha256|sha512)-(?<hex>[0-9a-f]+)-(?<size>\d+)|tag-(?<tag>.+))$/;

/**
 * Additions under way, of all processes: objects whose names say everything, so that one listing reads them all. Who adds
 * first puts a hold and then looks at what is there and held, so of two that race at least one sees the other.
 */
export class RoomHolds {
  constructor(private readonly store: ObjectStore) {}

  /** Returns the key under which it is held. */
  async put({ repository, addition }: Hold): Promise<string> {
    const what =
      addition.kind === "tag" ? `tag-${addition.tag}` : `${addition.digest.replace(":", "-")}-${String(addition.size)}`;
    const key = keys.hold(repository, `${String(Date.now())}-${randomUUID()}-${what}`);
    await this.store.put(key, Buffer.from("{}"), { volatile: true });
    return key;
  }

  async release(key: string): Promise<void> {
    await this.store.delete(key);
  }

  /** All holds, of one repository or of all, by their keys. */
  async list(repository?: string): Promise<ReadonlyMap<string, Hold>> {
    const prefix = repository === undefined ? `${keys.holds}/` : `${keys.holdsOf(repository)}/`;
    const holds = new Map<string, Hold>();
    for (const key of await listAllKeys(this.store, prefix)) {
      const groups = NAME.exec(lastComponentOf(key))?.groups ?? {};
      if (Math.abs(Date.now() - Number(groups["at"])) > FORGOTTEN_AFTER_MS) {
        await this.store.delete(key);
        continue;
      }
      const addition = additionOf(groups);
      if (addition !== undefined) holds.set(key, { repository: repositoryOfHold(key), addition });
    }
    return holds;
  }
}

function additionOf({ algorithm, hex, size, tag }: Record<string, string | undefined>): Addition | undefined {
  if (tag !== undefined) return { kind: "tag", tag };
  const digest = `${algorithm ?? ""}:${hex ?? ""}`;
  return isDigest(digest) ? { kind: "blob", digest, size: Number(size) } : undefined;
}
