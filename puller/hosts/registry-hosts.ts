import { savedCredentials } from "../credentials/saved-credentials.js";
import type { ClientOptions } from "../client/index.js";
import { apiBase } from "./endpoint-url.js";
import { directoryCertificates, entryCertificates } from "./certificate-files.js";
import type { DaemonSettings } from "./daemon-settings.js";
import { certificateRoots, directoriesOf, findHostsToml, readSettings } from "./host-directories.js";
import type { HostEntry } from "./hosts-toml.js";
import { isInsecure } from "./insecure-registries.js";
import { Mistakes } from "./mistakes.js";
import type { RegistryHost } from "./registry-host.js";

const DEFAULT_DAEMON_SETTINGS = "/etc/berth/daemon.json";

// A mirror has its chance and no more: there is somebody else to ask.
const MIRROR_LIMITS = {
  connectTimeout: 5_000,
  pingTimeout: 5_000,
  headersTimeout: 10_000,
  idleTimeout: 10_000,
  lowSpeedTime: 10_000,
  attempts: 1,
  longestRetryAfter: 0,
};

const PLAIN_MIRROR = {
  capabilities: new Set(["pull", "resolve"] as const),
  authorities: [],
  certificates: [],
  skipVerify: false,
  headers: {},
  dialTimeout: undefined,
};

/**
 * The servers to ask for a registry's images, in order: mirrors, then the registry itself, which is always the last. From
 * hosts.toml for any registry, and from `registry-mirrors` for Docker Hub; with the credentials that are saved for each.
 * @throws BerthError CONFIG_INVALID, with every mistake of every file
 */
export async function registryHosts(
  { registry, repository }: { readonly registry: string; readonly repository?: string },
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RegistryHost[]> {
  const mistakes = new Mistakes();
  const roots = certificateRoots(environment);
  const daemon = await daemonSettings(environment, mistakes);
  const found = findHostsToml(roots, registry, mistakes);
  // Most hosts have no such files, and what reads them takes a while to load.
  const written = found && (await import("./hosts-toml.js")).parseHostsToml(found.text, found.file, mistakes);
  const mirrors: HostEntry[] = [
    ...(written?.mirrors ?? []),
    ...(registry === "docker.io" ? daemon.mirrors : []).map((url) => ({ ...PLAIN_MIRROR, endpoint: apiBase(url) })),
  ];
  const clientFor = (entry: HostEntry | undefined, mirror: boolean): ClientOptions => {
    const endpoint = entry?.endpoint;
    const host = endpoint?.host ?? registry;
    const own = entry && entryCertificates(entry, found?.directory ?? "/", mistakes);
    const shared = directoryCertificates(directoriesOf(roots, host), mistakes);
    const proxied = endpoint !== undefined && host !== registry && !isHubItself(registry, host);
    return {
      registry: host,
      environment,
      credentials: () => savedCredentials(host, { environment, ...(!proxied && repository && { repository }) }),
      insecure: entry?.skipVerify === true || isInsecure(daemon.insecureRegistries, host),
      authorities: [...(own?.authorities ?? []), ...shared.authorities],
      certificates: [...(own?.certificates ?? []), ...shared.certificates],
      headers: entry?.headers ?? {},
      ...(endpoint !== undefined && { endpoint: endpoint.href }),
      ...(proxied && { namespace: registry }),
      limits: {
        ...(mirror && MIRROR_LIMITS),
        ...(entry?.dialTimeout !== undefined && { connectTimeout: entry.dialTimeout }),
      },
    };
  };
  const hosts = mirrors.map((entry) => ({ client: clientFor(entry, true), capabilities: entry.capabilities }));
  const server = { client: clientFor(written?.server, false), capabilities: written?.server.capabilities ?? ALL };
  mistakes.throwIfAny();
  return [...hosts, server];
}

/** How to talk to the registry itself. @throws BerthError CONFIG_INVALID */
export async function serverClient(registry: string, environment?: NodeJS.ProcessEnv): Promise<ClientOptions> {
  return (await registryHosts({ registry }, environment)).at(-1)?.client ?? { registry };
}

const ALL: RegistryHost["capabilities"] = new Set(["pull", "resolve", "push"]);

/** Containerd's exception: nobody is told by `ns=` what he is. */
function isHubItself(registry: string, host: string): boolean {
  return registry === "docker.io" && host === "registry-1.docker.io";
}

async function daemonSettings(environment: NodeJS.ProcessEnv, mistakes: Mistakes): Promise<DaemonSettings> {
  const named = environment["BERTH_CONFIG"];
  const file = named || DEFAULT_DAEMON_SETTINGS;
  const text = readSettings(file, mistakes, Boolean(named));
  if (text === undefined) return { mirrors: [], insecureRegistries: [] };
  return (await import("./daemon-settings.js")).parseDaemonSettings(text, file, mistakes);
}
