import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { isDigest, type Digest } from "../../oci/digest.js";
import { readIfThere } from "./read-if-there.js";
import type { StatePaths } from "./state-paths.js";

/** One form in which a layer was seen, and a repository that had it. Docker's field names. */
export interface LayerOrigin {
  readonly Digest: Digest;
  /** Familiar name without tag. */
  readonly SourceRepository: string;
}

/** What was learnt from pulls and pushes: which blob unpacks to which DiffID, and which repositories have the blob. */
export class DistributionIndex {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  diffIdOf(digest: Digest): Digest | undefined {
    const text = readIfThere(this.#paths.diffIdFile(digest));
    return text !== undefined && isDigest(text) ? text : undefined;
  }

  originsOf(diffId: Digest): LayerOrigin[] {
    try {
      const list: unknown = JSON.parse(readIfThere(this.#paths.digestsFile(diffId)) ?? "[]");
      return Array.isArray(list) ? list.filter(isOrigin) : [];
    } catch {
      // Only a memory of what may be reused: a torn file is as good as none.
      return [];
    }
  }

  remember(diffId: Digest, digest: Digest, sourceRepository?: string): void {
    write(this.#paths.diffIdFile(digest), diffId);
    if (sourceRepository === undefined) return;
    const others = this.originsOf(diffId).filter(
      (origin) => origin.Digest !== digest || origin.SourceRepository !== sourceRepository,
    );
    const origins = [...others, { Digest: digest, SourceRepository: sourceRepository }].slice(-MAX_ORIGINS);
    write(this.#paths.digestsFile(diffId), JSON.stringify(origins));
  }

  forget(diffId: Digest): void {
    for (const { Digest: digest } of this.originsOf(diffId)) rmSync(this.#paths.diffIdFile(digest), { force: true });
    rmSync(this.#paths.digestsFile(diffId), { force: true });
  }

  forgetBlob(digest: Digest): void {
    rmSync(this.#paths.diffIdFile(digest), { force: true });
  }
}

const MAX_ORIGINS = 50;

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text);
}

function isOrigin(value: unknown): value is LayerOrigin {
  const origin = value as Partial<Record<keyof LayerOrigin, unknown>> | null;
  return typeof origin?.Digest === "string" && isDigest(origin.Digest) && typeof origin.SourceRepository === "string";
}
