import { isRepositoryName } from "../../oci/reference.js";
import type { RegistryRequest } from "./request.js";
import { repositoryOf } from "./path-parameters.js";

/**
 * What a client means who asks for a repository of another registry (`ns=`, containerd's convention): `ns=docker.io/library/app`. It
 * says nothing but what was asked, so whoever is not let in learns nothing from it; and no repository can be called so.
 */
type NamespacedName = `ns=${string}/${string}`;

const NAMESPACED = /^ns=([A-Za-z0-9.:[\]-]{1,255})\/(.+)$/;

/** @param name a repository's */
export function namespacedName(namespace: string, name: string): NamespacedName {
  // It goes into headers.
  return `ns=${namespace.slice(0, 255).replaceAll(/[^A-Za-z0-9.:[\]-]/g, "-")}/${name}`;
}

export function parseNamespacedName(text: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = NAMESPACED.exec(text) ?? [];
  return namespace !== undefined && name !== undefined && isRepositoryName(name) ? { namespace, name } : undefined;
}

const ASKED = "namespaced name";
const RULED = "name for access rules";

/** @param isMirrored whether the request has been given a name of this registry instead */
export function setNamespacedName(ctx: RegistryRequest, name: NamespacedName, isMirrored: boolean): void {
  ctx.state[ASKED] = name;
  if (!isMirrored) ctx.state[RULED] = name;
}

/** The name that tokens are for. @throws BerthError NAME_INVALID */
export function askedNameOf(ctx: RegistryRequest): string {
  const asked: unknown = ctx.state[ASKED];
  return typeof asked === "string" ? asked : repositoryOf(ctx);
}

/** The name that access rules are about: of what is not mirrored, one that only rules for everything hold for. @throws BerthError NAME_INVALID */
export function ruledNameOf(ctx: RegistryRequest): string {
  const ruled: unknown = ctx.state[RULED];
  return typeof ruled === "string" ? ruled : repositoryOf(ctx);
}
