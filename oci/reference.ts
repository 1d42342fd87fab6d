import { parseDigest, type Digest } from "./digest.js";
import { BerthError } from "./errors.js";

/** A fully normalised image reference: `registry/repository[:tag][@digest]`. */
export interface Reference {
  /** `host[:port]`; `docker.io` for Docker Hub. */
  readonly registry: string;
  /** Path components joined by `/`, with `library/` added for Docker Hub's official images. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const SINGLE_COMPONENT = new RegExp(`^${COMPONENT}$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST =
  /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::\d{1,5})?$/;
const MAX_NAME_LENGTH = 255;
const MAX_PORT = 65_535;

/** `<name>` of the distribution-spec ("Pulling manifests"); at most 255 characters. */
export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && REPOSITORY.test(text);
}

/** Whether a repository name may have this between its slashes. */
export function isComponent(text: string): boolean {
  return SINGLE_COMPONENT.test(text);
}

/** `<reference>` of the distribution-spec, when it is a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Docker's normalisation: `ubuntu` -> `docker.io/library/ubuntu:latest`. The first component is a registry when it has
 * a dot or a colon or is `localhost`. With neither tag nor digest the tag is `latest`.
 * @throws BerthError REFERENCE_INVALID
 */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new BerthError("REFERENCE_INVALID", `invalid reference ${JSON.stringify(text.slice(0, 300))}: ${why}`);
  };
  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    try {
      digest = parseDigest(rest.slice(at + 1));
    } catch {
      fail("the part after @ is not a digest");
    }
    rest = rest.slice(0, at);
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    if (!isTag(tag)) fail("the tag may hold letters, digits, _ . - and at most 128 of them");
    rest = rest.slice(0, colon);
  }
  const slash = rest.indexOf("/");
  const first = slash < 0 ? "" : rest.slice(0, slash);
  let registry = "docker.io";
  let repository = rest;
  if (slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase())) {
    if (!HOST.test(first)) fail(`${JSON.stringify(first)} is not a host name`);
    if (Number(/:(\d+)$/.exec(first)?.[1] ?? 1) > MAX_PORT) fail("there is no such port");
    registry = first === "index.docker.io" || first === "registry-1.docker.io" ? "docker.io" : first;
    repository = rest.slice(slash + 1);
  }
  if (repository === "") fail("the repository name is empty");
  if (registry === "docker.io" && !repository.includes("/")) repository = `library/${repository}`;
  if (!REPOSITORY.test(repository))
    fail("a repository name is lower-case letters, digits and single . _ - between them");
  if (`${registry}/${repository}`.length > MAX_NAME_LENGTH) fail("the name is longer than 255 characters");
  if (tag === undefined && digest === undefined) tag = "latest";
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest && { digest }) };
}

/** The whole form, such as `docker.io/library/ubuntu:latest`. `parseReference` of it gives the same reference. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffixOf(reference)}`;
}

/** Docker's short form, as in `docker images`: `ubuntu:latest` for `docker.io/library/ubuntu:latest`. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffixOf(reference)}`;
}

/** Docker's short name without tag and digest. */
export function familiarName(reference: Reference): string {
  if (reference.registry !== "docker.io") return `${reference.registry}/${reference.repository}`;
  return reference.repository.replace(/^library\/(?=[^/]+$)/, "");
}

function suffixOf(reference: Reference): string {
  return (reference.tag === undefined ? "" : `:${reference.tag}`) + (reference.digest ? `@${reference.digest}` : "");
}
