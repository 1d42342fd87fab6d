import type { AccessRuleSettings } from "../config/auth-section.js";
import type { Identity } from "./identity.js";
import { compileRepositoryPattern, isEverything } from "./repository-pattern.js";

export type RepositoryAction = "pull" | "push" | "delete";

/** What the rules come to for one identity. */
interface Grant {
  readonly actions: ReadonlySet<string>;
  readonly everywhere: boolean;
  readonly repositories: readonly ((name: string) => boolean)[];
}

/** The access rules of the configuration. What none of them allows is forbidden. */
export class AccessRules {
  /** Identities live as long as the tokens or requests they came with. */
  readonly #grants = new WeakMap<Identity, readonly Grant[]>();
  readonly #groups: readonly { readonly name: string; readonly members: readonly RegExp[] }[];
  readonly #rules: readonly (AccessRuleSettings & { readonly userPatterns: readonly RegExp[] })[];

  constructor(rules: readonly AccessRuleSettings[], groups: Readonly<Record<string, readonly string[]>>) {
    this.#groups = Object.entries(groups).map(([name, members]) => ({
      name,
      members: members.map(compileUserPattern),
    }));
    this.#rules = rules.map((rule) => ({ ...rule, userPatterns: rule.users.map(compileUserPattern) }));
  }

  allows(identity: Identity, action: RepositoryAction, repository: string): boolean {
    return this.#grantsOf(identity).some(
      ({ actions, everywhere, repositories }) =>
        actions.has(action) && (everywhere || repositories.some((holdsFor) => holdsFor(repository))),
    );
  }

  mayList(identity: Identity): boolean {
    return this.#grantsOf(identity).some(({ actions }) => actions.has("catalog"));
  }

  /** Every repository, also those to come. */
  mayPullAll(identity: Identity): boolean {
    return this.#grantsOf(identity).some(({ actions, everywhere }) => everywhere && actions.has("pull"));
  }

  /** Whether the rules allow the identity anything at all. */
  knows(identity: Identity): boolean {
    return this.#grantsOf(identity).length > 0;
  }

  #grantsOf(identity: Identity): readonly Grant[] {
    const known = this.#grants.get(identity);
    if (known !== undefined) return known;
    const { user } = identity;
    const own = this.#groups.filter(({ members }) => matchesAny(members, user)).map(({ name }) => name);
    // A group without a prefix is the configuration's: an issuer's word for it would not count.
    const groups = new Set([...own, ...identity.groups.filter((group) => group.includes(":"))]);
    const grants = this.#rules
      .filter(
        (rule) =>
          rule.anonymous || matchesAny(rule.userPatterns, user) || rule.groups.some((group) => groups.has(group)),
      )
      .map((rule) => ({
        actions: new Set<string>(rule.actions),
        everywhere: rule.repositories.some(isEverything),
        repositories: rule.repositories.flatMap((pattern) => compileRepositoryPattern(pattern, user) ?? []),
      }));
    this.#grants.set(identity, grants);
    return grants;
  }
}

function matchesAny(patterns: readonly RegExp[], user: string): boolean {
  return user !== "" && patterns.some((pattern) => pattern.test(user));
}

/** `*` is any text, but never reaches into or over the prefix of those that others vouch for. */
function compileUserPattern(pattern: string): RegExp {
  const colon = pattern.indexOf(":");
  const prefix = escape(pattern.slice(0, colon + 1));
  return new RegExp(`^${prefix}${wildcards(pattern.slice(colon + 1), colon < 0 ? "[^:]*" : ".*")}$`);
}

/** Whether `text` is as `pattern` says, in which `*` is any text. */
export function matchesWildcard(pattern: string, text: string): boolean {
  return new RegExp(`^${wildcards(pattern, ".*")}$`).test(text);
}

function wildcards(pattern: string, any: string): string {
  return pattern.split(/\*+/).map(escape).join(any);
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
