import { randomUUID } from "node:crypto";

import { parseDigest, type Digest } from "../../oci/digest.js";
import { isBerthError } from "../../oci/errors.js";
import type { ObjectStore } from "../../storage/object-store.js";
import { Collection } from "../collector/collection.js";
import { UntaggedCollector } from "../collector/untagged-collector.js";
import type { EventTarget } from "../events/event.js";
import type { Registry } from "../registry.js";
import { isCopyName } from "../mirror/copy-name.js";
import { liveManifests } from "./manifest-listing.js";
import { planRetention, type RetentionPlan, type TagState } from "./retention-plan.js";

export interface RetentionOutcome {
  readonly repository: string;
  /** What was decided; carried out unless it was a dry run. */
  readonly plan: RetentionPlan;
  readonly tagsDeleted: number;
  readonly manifestsDeleted: number;
}

const READS_AT_ONCE = 16;
const DAY_MS = 24 * 3600_000;

/** Carries out the policies' retention. Bytes are the garbage collector's business. */
export class Retention {
  constructor(
    private readonly store: ObjectStore,
    private readonly registry: Registry,
  ) {}

  /** What the policy in force does to a repository. Changes nothing. */
  async plan(repository: string): Promise<RetentionPlan> {
    const names = await this.registry.tags.list(repository);
    const tags: TagState[] = [];
    for (let i = 0; i < names.length; i += READS_AT_ONCE) {
      const some = await Promise.all(
        names.slice(i, i + READS_AT_ONCE).map(async (tag) => await this.registry.tags.describe(repository, tag)),
      );
      for (const found of some) if (found !== undefined) tags.push(found);
    }
    const manifests = await liveManifests(this.store, repository);
    return planRetention(this.registry.policies.of(repository), { tags, manifests }, Date.now());
  }

  /** All repositories that have a retention, one after the other. */
  async *run(options: { readonly dryRun: boolean }): AsyncGenerator<RetentionOutcome> {
    for (const repository of await this.registry.catalog.list()) {
      // Copies of other registries' have their own rules (../mirror/).
      if (isCopyName(repository)) continue;
      if (this.registry.policies.of(repository).retention === undefined) continue;
      const plan = await this.plan(repository);
      const [tagsDeleted, manifestsDeleted] = options.dryRun ? [0, 0] : await this.#carryOut(repository, plan);
      yield { repository, plan, tagsDeleted, manifestsDeleted };
    }
  }

  async #carryOut(repository: string, plan: RetentionPlan): Promise<readonly [tags: number, manifests: number]> {
    let tagsDeleted = 0;
    for (const { tag, digest, pushedAt, keep } of plan.tags) {
      if (keep) continue;
      // Pushed again since the plan was made: it is another tag now.
      const now = await this.registry.tags.describe(repository, tag);
      if (now?.digest !== digest || now.pushedAt !== pushedAt) continue;
      if (!(await isDone(this.registry.tags.delete(repository, tag)))) continue;
      tagsDeleted++;
      await this.#tell({ kind: "manifest", repository, tag });
    }
    const doomed = plan.manifests.some(({ keep }) => !keep);
    return [tagsDeleted, doomed ? await this.#collectUntagged(repository) : 0];
  }

  /** By the garbage collector's protocol, which a push that comes meanwhile is safe from. */
  async #collectUntagged(repository: string): Promise<number> {
    const days = this.registry.policies.of(repository).retention?.untaggedOlderThanDays;
    if (days === undefined || !this.store.traits.conditionalCreate) return 0;
    const gone: Digest[] = [];
    const onFound = ({ name }: { readonly name: string }): void => {
      gone.push(parseDigest(name.slice(name.lastIndexOf("@") + 1)));
    };
    await new UntaggedCollector(new Collection(this.store, { graceMs: 0, onFound }), days * DAY_MS).collect(repository);
    for (const digest of gone) await this.#tell({ kind: "manifest", repository, digest });
    return gone.length;
  }

  async #tell(target: EventTarget): Promise<void> {
    const { events } = this.registry;
    if (!events.hears("delete")) return;
    const request = { id: randomUUID(), address: "", host: "", method: "", userAgent: "" };
    await events.emit({ id: randomUUID(), at: Date.now(), action: "delete", target, actor: "retention", request });
  }
}

/** False when somebody else was first. */
async function isDone(deletion: Promise<void>): Promise<boolean> {
  try {
    await deletion;
    return true;
  } catch (error) {
    if (isBerthError(error, "MANIFEST_UNKNOWN")) return false;
    throw error;
  }
}
