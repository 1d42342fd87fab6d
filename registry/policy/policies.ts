import type { PolicyRule, QuotaRule, RetentionRule } from "../config/policy-section.js";
import { matchesAny } from "./name-pattern.js";

/** A quota and the repositories that have it. */
export interface AppliedQuota extends QuotaRule {
  readonly repositories: readonly string[];
}

/** What the rules say of one repository. */
export interface RepositoryPolicy {
  /** All rules that match, with their places in the configuration. */
  readonly rules: readonly { readonly index: number; readonly rule: PolicyRule }[];
  readonly immutableTags: readonly string[];
  readonly quotas: readonly AppliedQuota[];
  /** Of the first rule that has one. */
  readonly retention?: RetentionRule;
}

const CACHED_REPOSITORIES = 10_000;
const NO_RULES: RepositoryPolicy = { rules: [], immutableTags: [], quotas: [] };

/** The rules in force. They may be exchanged while requests are under way; each asks when it needs to know. */
export class Policies {
  #rules: readonly PolicyRule[];
  readonly #applied = new Map<string, RepositoryPolicy>();

  constructor(rules: readonly PolicyRule[]) {
    this.#rules = rules;
  }

  replace(rules: readonly PolicyRule[]): void {
    this.#rules = rules;
    this.#applied.clear();
  }

  of(repository: string): RepositoryPolicy {
    if (this.#rules.length === 0) return NO_RULES;
    const known = this.#applied.get(repository);
    if (known !== undefined) return known;
    const policy = this.#apply(repository);
    if (this.#applied.size >= CACHED_REPOSITORIES) this.#applied.clear();
    this.#applied.set(repository, policy);
    return policy;
  }

  isImmutable(repository: string, tag: string): boolean {
    return matchesAny(this.of(repository).immutableTags, tag);
  }

  #apply(repository: string): RepositoryPolicy {
    const rules = this.#rules
      .map((rule, index) => ({ index, rule }))
      .filter(({ rule }) => matchesAny(rule.repositories, repository));
    const retention = rules.find(({ rule }) => rule.retention !== undefined)?.rule.retention;
    return {
      rules,
      immutableTags: rules.flatMap(({ rule }) => rule.immutableTags ?? []),
      quotas: rules.flatMap(({ rule: { quota, repositories } }) =>
        quota === undefined ? [] : [{ ...quota, repositories }],
      ),
      ...(retention !== undefined && { retention }),
    };
  }
}
