import { parseDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import { isRepositoryName, isTag } from "../../oci/reference.js";
import type { RegistryRequest } from "./request.js";

/**
 * The name under which the store has the repository: that of the path, but for copies of other registries' repositories.
 * @throws BerthError NAME_INVALID
 */
export function storedNameOf(ctx: RegistryRequest): string {
  const stored: unknown = ctx.state["storedName"];
  return typeof stored === "string" ? stored : repositoryOf(ctx);
}

/** @throws BerthError NAME_INVALID */
export function repositoryOf(ctx: RegistryRequest): string {
  const name = ctx.params["name"] ?? "";
  if (isRepositoryName(name)) return name;
  throw new BerthError(
    "NAME_INVALID",
    "a repository name is lower-case letters, digits and single . _ - between them",
    {
      details: { name: name.slice(0, 300) },
    },
  );
}

/** @throws BerthError DIGEST_INVALID */
export function digestIn(ctx: RegistryRequest): Digest {
  return parseDigest(ctx.params["digest"] ?? "");
}

type Reference = { readonly digest: Digest } | { readonly tag: string };

/**
 * `<reference>` of what is to be read or deleted. What can be no tag names nothing, and distribution-spec has 404 alone for that.
 * @throws BerthError DIGEST_INVALID, MANIFEST_UNKNOWN
 */
export function referenceOf(ctx: RegistryRequest): Reference {
  const reference = ctx.params["reference"] ?? "";
  if (isTag(reference)) return { tag: reference };
  if (reference.includes(":")) return { digest: parseDigest(reference) };
  throw new BerthError("MANIFEST_UNKNOWN", "no manifest has a name that can be no tag", {
    details: { tag: reference.slice(0, 300) },
  });
}

/** `<reference>` under which something is to be kept: a digest, or else a tag. @throws BerthError DIGEST_INVALID, TAG_INVALID */
export function newReferenceOf(ctx: RegistryRequest): Reference {
  const reference = ctx.params["reference"] ?? "";
  return reference.includes(":") ? { digest: parseDigest(reference) } : { tag: checkTag(reference) };
}

/** @throws BerthError TAG_INVALID */
export function checkTag(tag: string): string {
  if (isTag(tag)) return tag;
  throw new BerthError("TAG_INVALID", "a tag holds letters, digits, _ . - and at most 128 of them", {
    details: { tag: tag.slice(0, 300) },
  });
}

/** The first of a query parameter's values. */
export function queryOf(ctx: RegistryRequest, name: string): string | undefined {
  const value = ctx.query[name];
  return Array.isArray(value) ? value[0] : value;
}

export function queriesOf(ctx: RegistryRequest, name: string): readonly string[] {
  const value = ctx.query[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** The `digest` query parameter. @throws BerthError DIGEST_INVALID */
export function queriedDigest(ctx: RegistryRequest): Digest | undefined {
  const digest = queryOf(ctx, "digest");
  return digest === undefined ? undefined : parseDigest(digest);
}
