import { BerthError } from "../../oci/errors.js";
import { isRepositoryName } from "../../oci/reference.js";
import type { UpstreamSettings } from "../config/mirrors-section.js";
import { matchesAny } from "../policy/name-pattern.js";
import { copyName } from "./copy-name.js";

/** What a request for a mirrored repository is about. */
export interface MirroredName<U> {
  readonly upstream: U;
  /** Its name at the upstream. */
  readonly repository: string;
  /** Its name here, for access rules and events. */
  readonly local: string;
  /** Its name in the store. */
  readonly stored: string;
  /** The `ns` by which it was asked for, if it was. */
  readonly namespace?: string;
}

/** What the store's keys hold of a repository's name at most. */
const MAX_STORED = 255;

/** Tells from a request's name and its `ns` which upstream's repository is meant, if any. */
export class MirrorNames<U extends { readonly settings: UpstreamSettings }> {
  readonly #byNamespace = new Map<string, U>();
  /** Longest prefix first. */
  readonly #byPrefix: readonly U[];
  readonly #default: U | undefined;

  constructor(
    upstreams: readonly U[],
    private readonly localPatterns: readonly string[],
  ) {
    for (const upstream of upstreams) {
      for (const namespace of upstream.settings.namespaces) this.#byNamespace.set(namespace, upstream);
    }
    this.#byPrefix = [...upstreams].sort((a, b) => b.settings.prefix.length - a.settings.prefix.length);
    this.#default = upstreams.find(({ settings }) => settings.default);
  }

  /**
   * @param name of the path
   * @param namespace the query parameter `ns`: the registry that the client means (containerd's convention)
   * @param ownHosts by which clients know this registry, so that `ns` with one of them says nothing
   * @returns undefined for this registry's own repositories
   * @throws BerthError NAME_UNKNOWN for a namespace that is not mirrored; NAME_INVALID
   */
  find(name: string, namespace: string | undefined, ownHosts: readonly string[]): MirroredName<U> | undefined {
    if (namespace !== undefined && namespace !== "" && !ownHosts.includes(namespace)) {
      const upstream = this.#byNamespace.get(namespace);
      if (upstream !== undefined) return { ...named(upstream, name, `${upstream.settings.prefix}/${name}`), namespace };
      throw new BerthError("NAME_UNKNOWN", "this registry has no copies of that namespace", {
        details: { ns: namespace.slice(0, 300) },
      });
    }
    const prefixed = this.#byPrefix.find(({ settings }) => name.startsWith(`${settings.prefix}/`));
    if (prefixed !== undefined) return named(prefixed, name.slice(prefixed.settings.prefix.length + 1), name);
    if (this.#default === undefined || matchesAny(this.localPatterns, name)) return undefined;
    return named(this.#default, name, name);
  }
}

function named<U extends { readonly settings: UpstreamSettings }>(
  upstream: U,
  asked: string,
  local: string,
): MirroredName<U> {
  const { name, namespaces } = upstream.settings;
  // As every client of Docker Hub does with the names of its official images.
  const repository = namespaces.includes("docker.io") && !asked.includes("/") ? `library/${asked}` : asked;
  const stored = copyName(name, repository);
  if (isRepositoryName(repository) && isRepositoryName(local) && stored.length <= MAX_STORED) {
    return { upstream, repository, local, stored };
  }
  throw new BerthError("NAME_INVALID", "this is not the name of a repository, or it is too long for a copy", {
    details: { name: asked.slice(0, 300) },
  });
}
