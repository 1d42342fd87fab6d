import * as v from "valibot";

import { isComponent, isRepositoryName } from "../../oci/reference.js";
import { byteSize, count, flag, pattern, text, url } from "./values.js";

/** `host[:port]` as a client sends it in `ns=`. */
const NAMESPACE = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?$/;
const DOCKER_HUB = /^(?:.+\.)?docker\.io$/;

const upstream = v.pipe(
  v.strictObject({
    /** Names the copies in the store: an upstream with another name begins with none. */
    name: v.pipe(
      text,
      v.maxLength(64, "is longer than 64 characters"),
      v.check(isComponent, "is not lower-case letters and digits with single . _ - between them"),
    ),
    /** Of the registry, without `/v2`; https://registry-1.docker.io for Docker Hub. */
    url: v.pipe(url, v.check(isPlainHttp, "is not http:// or https:// without a user name, a query or a fragment")),
    /** Repositories of the upstream are `<prefix>/<name>` here; default: its name. */
    prefix: v.optional(v.pipe(text, v.check(isRepositoryName, "is not a repository's name"))),
    /** Values of `ns=` that mean this upstream; default: its host, or docker.io. */
    namespaces: v.optional(v.array(v.pipe(text, v.regex(NAMESPACE, "is not host[:port]")), "is not a list of hosts")),
    /** Names without a prefix mean this upstream: what Docker's `registry-mirrors` ask for. */
    default: v.optional(flag, false),
    username: v.optional(text),
    password: v.optional(text),
    passwordFile: v.optional(text),
    /** PEM file of authorities that are trusted besides the usual ones. */
    caFile: v.optional(text),
    /** Take plain HTTP beyond this host, and certificates that nobody vouches for. */
    insecure: v.optional(flag, false),
    /** Follow redirects of a public registry to hosts of a private network. */
    privateRedirects: v.optional(flag, false),
    /** How long a tag is believed before the upstream is asked again. */
    tagFreshSeconds: v.optional(count(0), 60),
    /** How long the upstream's "there is no such thing" is believed. */
    negativeSeconds: v.optional(count(0), 10),
    /** How long after it was last confirmed a tag may be served while the upstream fails. */
    maxStaleHours: v.optional(count(0), 7 * 24),
    timeouts: v.optional(
      v.strictObject({
        connectSeconds: v.optional(count(1), 5),
        /** From a request to the beginning of its answer. */
        answerSeconds: v.optional(count(1), 20),
        /** For so long nothing may come in a transfer before it is broken off and resumed. */
        idleSeconds: v.optional(count(1), 30),
        /** How long a client waits for a tag to be confirmed that has been served before. */
        confirmSeconds: v.optional(count(1), 5),
      }),
      {},
    ),
    /** Larger blobs are refused. */
    maxBlobSize: v.optional(byteSize, "64GiB"),
    /** Blobs that are fetched at a time; more wait. */
    fetchesAtOnce: v.optional(count(1), 32),
  }),
  v.forward(
    v.partialCheck(
      [["url"], ["insecure"]],
      ({ url, insecure }) => insecure || url.startsWith("https:") || isLoopback(url),
      "is plain HTTP beyond this host: say insecure: true if it shall be",
    ),
    ["url"],
  ),
  v.forward(
    v.partialCheck(
      [["password"], ["passwordFile"]],
      ({ password, passwordFile }) => password === undefined || passwordFile === undefined,
      "is there beside a password: only one of them can hold",
    ),
    ["passwordFile"],
  ),
  v.forward(
    v.partialCheck(
      [["username"], ["password"], ["passwordFile"]],
      ({ username, password, passwordFile }) =>
        (username === undefined) === (password === undefined && passwordFile === undefined),
      "and a password need each other",
    ),
    ["username"],
  ),
  v.transform(({ prefix, namespaces, ...rest }) => ({
    ...rest,
    prefix: prefix ?? rest.name,
    namespaces: namespaces ?? [namespaceOf(rest.url)],
  })),
);

const upstreams = v.pipe(
  v.array(upstream, "is not a list of upstreams"),
  v.check((all) => areDistinct(all.map(({ name }) => name)), "two upstreams have one name"),
  v.check((all) => areDistinct(all.map(({ prefix }) => prefix)), "two upstreams have one prefix"),
  v.check((all) => areDistinct(all.flatMap(({ namespaces }) => namespaces)), "two upstreams have one namespace"),
  v.check((all) => all.filter((one) => one.default).length < 2, "two upstreams are the default"),
);

const mirrors = v.strictObject({
  upstreams: v.optional(upstreams, []),
  /** Patterns of names that a default upstream leaves to this registry, so that they can be pushed. */
  local: v.optional(v.array(pattern, "is not a list of patterns"), []),
  /** Where blobs lie while they are fetched; default: in the store's directory, or /var/tmp. */
  spool: v.optional(text),
  eviction: v.optional(
    v.strictObject({
      /** Of all copies together, each blob counted once; what was pulled longest ago goes first. No limit when absent. */
      maxSize: v.optional(byteSize),
      /** Copies that nobody has pulled for so long go. Never when absent. */
      maxAgeDays: v.optional(count(1)),
      everyMinutes: v.optional(count(1), 15),
    }),
    {},
  ),
});

/** `mirrors`: copies of other registries' repositories, fetched when they are first asked for. */
export const mirrorsSection = v.optional(mirrors, {});

export type MirrorSettings = v.InferOutput<typeof mirrors>;
export type UpstreamSettings = v.InferOutput<typeof upstream>;

function isPlainHttp(value: string): boolean {
  const parsed = URL.parse(value);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return false;
  return parsed.username === "" && parsed.password === "" && parsed.search === "" && parsed.hash === "";
}

function isLoopback(value: string): boolean {
  const host = URL.parse(value)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function namespaceOf(value: string): string {
  const host = URL.parse(value)?.host ?? "";
  return DOCKER_HUB.test(host) ? "docker.io" : host;
}

function areDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
