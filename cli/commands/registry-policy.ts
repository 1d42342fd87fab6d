import process from "node:process";

import { BerthError } from "../../oci/errors.js";
import { isRepositoryName } from "../../oci/reference.js";
import type { RegistryConfig } from "../../registry/config/schema.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { Policies } from "../../registry/policy/policies.js";
import { explainPolicy } from "../../registry/policy/explain.js";
import { Retention } from "../../registry/policy/retention.js";
import { registryOn, type Registry } from "../../registry/registry.js";
import type { ObjectStore } from "../../storage/object-store.js";
import type { CliContext } from "../context.js";
import { openRegistryStore } from "./registry-store.js";

export interface PolicyFlags {
  readonly config?: string;
  readonly root?: string;
}

export interface RetentionFlags extends PolicyFlags {
  readonly dryRun?: boolean;
}

/** Prints which rules apply to a repository, and what they do to each of its tags and why. Changes nothing. */
export async function explain(repository: string, flags: PolicyFlags, context: CliContext): Promise<void> {
  if (!isRepositoryName(repository)) throw new BerthError("NAME_INVALID", "this is no name of a repository");
  await withRegistry(flags, context, async (registry, store) => {
    const lines = await explainPolicy(registry, new Retention(store, registry), repository);
    process.stdout.write(`${lines.join("\n")}\n`);
  });
}

/** Deletes what the policies say should go, or says what that would be. */
export async function retention({ dryRun = false, ...flags }: RetentionFlags, context: CliContext): Promise<void> {
  await withRegistry(flags, context, async (registry, store) => {
    let [tags, manifests] = [0, 0];
    for await (const { repository, plan, ...done } of new Retention(store, registry).run({ dryRun })) {
      for (const { tag, keep, reason } of plan.tags) {
        if (!keep) process.stdout.write(`${repository}:${tag}: ${reason}\n`);
      }
      for (const { digest, keep, reason } of plan.manifests) {
        if (!keep) process.stdout.write(`${repository}@${digest}: ${reason}\n`);
      }
      tags += dryRun ? plan.tags.filter(({ keep }) => !keep).length : done.tagsDeleted;
      manifests += dryRun ? plan.manifests.filter(({ keep }) => !keep).length : done.manifestsDeleted;
    }
    const verb = dryRun ? "would be deleted" : "deleted; `berth registry gc` frees their bytes";
    process.stdout.write(`${String(tags)} tags and ${String(manifests)} manifests ${verb}\n`);
  });
}

async function withRegistry(
  { config: file, root }: PolicyFlags,
  context: CliContext,
  use: (registry: Registry, store: ObjectStore) => Promise<void>,
): Promise<void> {
  const flags = root === undefined ? {} : { root };
  const config: RegistryConfig = loadConfig({ ...(file !== undefined && { file }), env: process.env, flags });
  const store = await openRegistryStore(config, context);
  try {
    const { manifestBytes, sparseManifests } = config.limits;
    const policies = new Policies(config.policies);
    await use(registryOn(store, { policies, limits: { manifestBytes, sparseManifests } }), store);
  } finally {
    await store.close();
  }
}
