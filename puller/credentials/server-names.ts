import { BerthError } from "../../oci/errors.js";

const HUB_HOSTS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** What Docker Hub is called in config.json and to credential helpers. */
const HUB_KEY = "https://index.docker.io/v1/";

/** The registry that a key of `auths`, or what a user types, stands for: `https://index.docker.io/v1/` is `docker.io`. */
export function hostOfKey(key: string): string {
  const host = key.replace(/^https?:\/\//i, "").replace(/\/.*$/, "");
  return HUB_HOSTS.has(host) ? "docker.io" : host;
}

/** The registry that somebody means who writes an address, a host, or nothing. @throws BerthError USAGE */
export function registryNamed(text = "docker.io"): string {
  const registry = hostOfKey(text);
  const url = URL.parse(`https://${registry}/`);
  if (url !== null && url.username === "" && /^[A-Za-z0-9[][A-Za-z0-9.:[\]-]*$/.test(registry)) return registry;
  throw new BerthError("USAGE", `${JSON.stringify(text.slice(0, 300))} is no host[:port] of a registry`);
}

/** Whether a key names a whole registry, and not (as podman's may) a part of its repositories. */
export function isHostKey(key: string): boolean {
  return /^https?:\/\//i.test(key) || !key.includes("/") || /^[^/]+\/(?:v[12]\/?)?$/.test(key);
}

/** The key under which a registry's credentials are kept. */
export function keyOfRegistry(registry: string): string {
  return hostOfKey(registry) === "docker.io" ? HUB_KEY : registry;
}
