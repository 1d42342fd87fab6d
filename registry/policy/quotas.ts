import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../oci/digest.js";
import { Refusal } from "../http/refusal.js";
import type { RepositoryCatalog } from "../storage/repository-catalog.js";
import type { TagStore } from "../storage/tag-store.js";
import { isCopyName } from "../mirror/copy-name.js";
import { matchesAny } from "./name-pattern.js";
import type { AppliedQuota, Policies } from "./policies.js";
import type { RepositoryUsage } from "./repository-usage.js";
import type { Addition, Hold, RoomHolds } from "./room-holds.js";

/** Throws DENIED for a number of bytes that would be too much by now. */
export type Gauge = (bytes: number) => void;

/** Additions that stand in each other's way look again after a moment, since one of them may fit once another has failed. */
const ATTEMPTS = 5;
const MAX_PAUSE_MS = 200;

interface Sources {
  readonly policies: Policies;
  readonly usage: RepositoryUsage;
  readonly holds: RoomHolds;
  readonly tags: TagStore;
  readonly catalog: RepositoryCatalog;
}

interface Tally {
  /** What is in the store. */
  readonly used: number;
  /** And what others are about to add. */
  readonly held: number;
  readonly isThere: boolean;
}

/**
 * Quotas are kept across processes: whoever adds something announces it in the store before counting (room-holds.ts), so
 * two that race may both be refused when only one fits, but never both succeed. Repositories without a quota pay nothing.
 */
export class Quotas {
  constructor(private readonly sources: Sources) {}

  /** Whether the size of a blob matters before it is added. */
  limitsBytesOf(repository: string): boolean {
    return this.#quotasOf(repository, "blob").length > 0;
  }

  /**
   * Refuses early: before a body is read for nothing, and while one comes whose length was not announced, so that what is
   * never committed does not fill the store. Not the last word: `hold` is.
   * @param digest of the blob, when it is known
   */
  async gaugeFor(repository: string, digest?: Digest): Promise<Gauge> {
    const rooms: { readonly quota: AppliedQuota; readonly used: number }[] = [];
    for (const quota of this.#quotasOf(repository, "blob")) {
      const blobs = await this.#blobs(repository, quota);
      if (digest === undefined || !blobs.has(`${repository} ${digest}`))
        rooms.push({ quota, used: sum(blobs.values()) });
    }
    return (bytes) => {
      for (const { quota, used } of rooms) {
        if (used + Math.max(1, bytes) > limitOf(quota, "blob")) throw exceeded(quota, "blob", used, bytes);
      }
    };
  }

  /** What counts towards a quota of the repository now. */
  async usageOf(repository: string, quota: AppliedQuota): Promise<{ readonly bytes: number; readonly tags: number }> {
    const [blobs, tags] = await Promise.all([this.#blobs(repository, quota), this.#tags(repository, quota)]);
    return { bytes: sum(blobs.values()), tags: tags.size };
  }

  /** Does `add` when there is room for the addition, and keeps the room until it is done. @throws BerthError DENIED */
  async hold<T>(repository: string, addition: Addition, add: () => Promise<T>): Promise<T> {
    const quotas = this.#quotasOf(repository, addition.kind);
    if (quotas.length === 0) return await add();
    for (let attempt = 1; ; attempt++) {
      const key = await this.sources.holds.put({ repository, addition });
      try {
        const crowded = await this.#isCrowded(repository, addition, key, quotas, attempt === ATTEMPTS);
        if (!crowded) return await add();
      } finally {
        // Else it is forgotten after a while; what was added is there all the same.
        await this.sources.holds.release(key).catch(() => undefined);
      }
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
  }

  /** True when only what others are about to add leaves no room. @throws BerthError DENIED */
  async #isCrowded(
    repository: string,
    addition: Addition,
    key: string,
    quotas: readonly AppliedQuota[],
    isLast: boolean,
  ): Promise<boolean> {
    for (const quota of quotas) {
      const { used, held, isThere } = await this.#tally(repository, addition, key, quota);
      if (isThere) continue;
      const limit = limitOf(quota, addition.kind);
      const size = addition.kind === "blob" ? addition.size : 1;
      if (used + size > limit) throw exceeded(quota, addition.kind, used, size);
      if (used + held + size <= limit) continue;
      if (isLast) throw exceeded(quota, addition.kind, used + held, size);
      return true;
    }
    return false;
  }

  async #tally(repository: string, addition: Addition, own: string, quota: AppliedQuota): Promise<Tally> {
    // Before what is there is read: a hold that has gone by now has left what it was for.
    const holds = await this.sources.holds.list(quota.scope === "together" ? undefined : repository);
    const others = [...holds].filter(
      ([key, hold]) => key !== own && hold.addition.kind === addition.kind && isMember(quota, hold.repository),
    );
    const there = await (addition.kind === "blob"
      ? this.#blobs(repository, quota, true)
      : this.#tags(repository, quota));
    const held = new Map(
      others.map(([, hold]) => [nameOf(hold), hold.addition.kind === "blob" ? hold.addition.size : 1]),
    );
    const ownName = nameOf({ repository, addition });
    for (const name of [...there.keys(), ownName]) held.delete(name);
    return { used: sum(there.values()), held: sum(held.values()), isThere: there.has(ownName) };
  }

  /** Sizes of the blobs that count towards the quota, by repository and digest. */
  async #blobs(repository: string, quota: AppliedQuota, fresh = false): Promise<ReadonlyMap<string, number>> {
    const all = new Map<string, number>();
    for (const member of await this.#members(repository, quota)) {
      for (const [digest, size] of await this.sources.usage.blobsOf(member, { fresh }))
        all.set(`${member} ${digest}`, size);
    }
    return all;
  }

  async #tags(repository: string, quota: AppliedQuota): Promise<ReadonlyMap<string, number>> {
    const all = new Map<string, number>();
    for (const member of await this.#members(repository, quota)) {
      for (const tag of await this.sources.tags.list(member)) all.set(`${member} ${tag}`, 1);
    }
    return all;
  }

  async #members(repository: string, quota: AppliedQuota): Promise<readonly string[]> {
    if (quota.scope === "repository") return [repository];
    const members = (await this.sources.catalog.list()).filter((name) => !isCopyName(name) && isMember(quota, name));
    return members.includes(repository) ? members : [...members, repository];
  }

  #quotasOf(repository: string, kind: Addition["kind"]): readonly AppliedQuota[] {
    return this.sources.policies.of(repository).quotas.filter((quota) => limitOf(quota, kind) < Infinity);
  }
}

function isMember(quota: AppliedQuota, repository: string): boolean {
  return matchesAny(quota.repositories, repository);
}

function nameOf({ repository, addition }: Hold): string {
  return `${repository} ${addition.kind === "blob" ? addition.digest : addition.tag}`;
}

function limitOf(quota: AppliedQuota, kind: Addition["kind"]): number {
  return (kind === "blob" ? quota.bytes : quota.tags) ?? Infinity;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

function exceeded(quota: AppliedQuota, kind: Addition["kind"], used: number, wanted: number): Refusal {
  const limit = limitOf(quota, kind);
  const unit = kind === "blob" ? "bytes" : "tags";
  if (quota.scope === "together") {
    // Whose the others are, and what they hold, is not for everybody who may push to one of them.
    return new Refusal(
      "DENIED",
      "quota",
      `quota exceeded: this repository and others may have ${String(limit)} ${unit} together, and this takes ${String(wanted)} more`,
      { details: { quota: unit, limit, wanted } },
    );
  }
  return new Refusal(
    "DENIED",
    "quota",
    `quota exceeded: this repository may have ${String(limit)} ${unit}, has ${String(used)}, and this takes ${String(wanted)} more`,
    { details: { quota: unit, limit, used, wanted } },
  );
}
