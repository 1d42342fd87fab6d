import { BerthError } from "../../oci/errors.js";
import { isRepositoryName } from "../../oci/reference.js";
import { parseNamespacedName } from "../http/namespaced-name.js";
import type { RepositoryAction } from "./access-rules.js";

/** An entry of a token's `access` claim, as Docker's token specification has it. */
export interface TokenAccess {
  readonly type: "repository" | "registry";
  readonly name: string;
  readonly actions: readonly string[];
}

/** Tokens go into a header, and Node takes 16 KiB of headers in all. */
const MAX_SCOPES = 32;
const REPOSITORY_ACTIONS: readonly RepositoryAction[] = ["pull", "push", "delete"];

/**
 * Docker's scopes, `repository:<name>:pull,push` and `registry:catalog:*`, each repository once. What is no scope of ours is
 * left out, as the specification wants it: a name that is none is never made into one.
 * @param texts each may hold several with spaces between them
 * @throws BerthError TOKEN_REQUEST_INVALID when there are more than fit into a token
 */
export function parseScopes(texts: readonly string[]): TokenAccess[] {
  const found = new Map<string, Set<string>>();
  for (const text of texts.flatMap((one) => one.split(" "))) {
    const [, type, name, actions] = /^(repository(?:\([a-z0-9]+\))?|registry):(.+):([A-Za-z*,]*)$/.exec(text) ?? [];
    if (type === undefined || name === undefined || actions === undefined) continue;
    if (type === "registry" ? name !== "catalog" : !isRepositoryName(name) && parseNamespacedName(name) === undefined)
      continue;
    const key = type === "registry" ? "" : name;
    const wanted = found.get(key) ?? new Set();
    for (const action of actions.split(",")) {
      for (const one of meaningOf(type, action)) wanted.add(one);
    }
    found.set(key, wanted);
    if (found.size > MAX_SCOPES) {
      throw new BerthError("TOKEN_REQUEST_INVALID", `a token is for at most ${String(MAX_SCOPES)} repositories`);
    }
  }
  return [...found].map(([name, actions]) =>
    name === ""
      ? { type: "registry", name: "catalog", actions: [...actions] }
      : { type: "repository", name, actions: [...actions] },
  );
}

function meaningOf(type: string, action: string): readonly string[] {
  if (type === "registry") return action === "*" ? ["*"] : [];
  return action === "*" ? REPOSITORY_ACTIONS : REPOSITORY_ACTIONS.filter((known) => known === action);
}

export function covers(
  access: readonly TokenAccess[],
  type: TokenAccess["type"],
  name: string,
  action: string,
): boolean {
  return access.some((entry) => entry.type === type && entry.name === name && entry.actions.includes(action));
}

/** The scope that a client is told to ask for. Who pushes also looks what is there already. */
export function scopeText(action: RepositoryAction, repository: string): string {
  return `repository:${repository}:${action === "push" ? "pull,push" : action}`;
}

export const CATALOG_SCOPE = "registry:catalog:*";
