import { BerthError } from "../../oci/errors.js";
import type { Reference } from "../../oci/reference.js";
import type { ClientOptions } from "../client/index.js";
import type { RegistryHost } from "../hosts/registry-host.js";
import { installImage, type InstalledImage, type InstallOptions } from "../install/install-image.js";
import { openWritableStore } from "../store/local-store.js";
import { HostMemory } from "./host-memory.js";
import { RegistryProvider } from "./registry-provider.js";
import { RegistryWithMirrors, type HeadStarts } from "./registry-with-mirrors.js";

export interface PullOptions extends InstallOptions {
  /** Whom to ask, mirrors first (registryHosts); default: the registry alone, with the options of `client`. */
  readonly hosts?: readonly RegistryHost[];
  readonly client?: Omit<ClientOptions, "registry">;
  /** Takes which host has served what, and which mirror was left and why; one line each. */
  readonly onNote?: (sentence: string) => void;
  readonly headStarts?: HeadStarts;
}

/**
 * Pulls an image into the store below `root`.
 * @throws BerthError MANIFEST_UNKNOWN, PLATFORM_UNKNOWN, DIGEST_INVALID, SIZE_INVALID, LAYER_INVALID, TOO_LARGE, NO_SPACE,
 * NETWORK, UPSTREAM, UNAUTHORIZED, DENIED, ABORTED; afterwards nothing of the pull is left but layers to go on with
 */
export async function pullImage(
  root: string,
  reference: Reference,
  options: PullOptions = {},
): Promise<InstalledImage> {
  const store = openWritableStore(root);
  const alone: RegistryHost = {
    client: { registry: reference.registry, ...options.client },
    capabilities: new Set(["pull", "resolve"]),
  };
  const { hosts = [alone] } = options;
  const servers = new RegistryWithMirrors(hosts, {
    note: options.onNote,
    memory: hosts.length > 1 ? HostMemory.of(root) : undefined,
    headStarts: options.headStarts,
  });
  try {
    const provider = new RegistryProvider(servers, store.content, reference, options.signal);
    const { registry, repository } = reference;
    return await installImage(
      store,
      provider,
      (digest) => [
        { registry, repository, digest },
        ...(reference.digest === undefined ? [{ registry, repository, tag: reference.tag ?? "latest" }] : []),
      ],
      options,
    );
  } catch (error) {
    if (options.signal?.aborted === true) throw new BerthError("ABORTED", "the pull was cancelled", { cause: error });
    throw error;
  } finally {
    await servers.close();
  }
}
