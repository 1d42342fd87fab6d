import type { Registry } from "../registry.js";
import type { AppliedQuota, RepositoryPolicy } from "./policies.js";
import type { Retention } from "./retention.js";

/** For people, a line each: the rules that apply to a repository, how full its quotas are, and what becomes of each tag and why. */
export async function explainPolicy(
  { policies, quotas }: Registry,
  retention: Retention,
  repository: string,
): Promise<string[]> {
  const policy = policies.of(repository);
  if (policy.rules.length === 0) return [`no rule applies to ${repository}`];
  const usages = await Promise.all(policy.quotas.map(async (quota) => await quotas.usageOf(repository, quota)));
  const full = policy.quotas.flatMap((quota, i) => quotaLines(quota, usages[i] ?? { bytes: 0, tags: 0 }));
  const { tags, manifests } = await retention.plan(repository);
  const verdict = (name: string, keep: boolean, reason: string): string =>
    `  ${name}: ${keep ? "stays" : "goes"}, because ${reason}`;
  return [
    ...ruleLines(repository, policy),
    ...full,
    tags.length === 0 ? "there are no tags" : "tags, the newest first:",
    ...tags.map(({ tag, keep, reason }) =>
      verdict(policies.isImmutable(repository, tag) ? `${tag} (immutable)` : tag, keep, reason),
    ),
    ...(manifests.length === 0 ? [] : ["manifests:"]),
    ...manifests.map(({ digest, keep, reason }) => verdict(digest, keep, reason)),
  ];
}

function ruleLines(repository: string, { rules, retention }: RepositoryPolicy): string[] {
  return rules.flatMap(({ index, rule }) => {
    const { repositories, immutableTags, quota, retention: own } = rule;
    const shadowed = own !== undefined && own !== retention;
    return [
      `policies.${String(index)} applies to ${repository} (${repositories.join(", ")})`,
      ...(immutableTags === undefined ? [] : [`  immutable tags: ${immutableTags.join(", ")}`]),
      ...(quota === undefined ? [] : [`  quota: ${JSON.stringify(quota)}`]),
      ...(own === undefined
        ? []
        : [`  retention: ${JSON.stringify(own)}${shadowed ? " (not used: an earlier rule has one)" : ""}`]),
    ];
  });
}

function quotaLines(quota: AppliedQuota, used: { readonly bytes: number; readonly tags: number }): string[] {
  const whose = quota.scope === "together" ? `${quota.repositories.join(", ")} together` : "this repository";
  const line = (unit: "bytes" | "tags"): string[] => {
    const limit = quota[unit];
    return limit === undefined ? [] : [`${String(used[unit])} of ${String(limit)} ${unit} are used by ${whose}`];
  };
  return [...line("bytes"), ...line("tags")];
}
