import { BerthError } from "../../oci/errors.js";
import type { Reference } from "../../oci/reference.js";
import { RegistryClient, type ClientOptions } from "../client/index.js";
import { installImage, type InstalledImage, type InstallOptions } from "../install/install-image.js";
import { openWritableStore } from "../store/local-store.js";
import { RegistryProvider } from "./registry-provider.js";

export interface PullOptions extends InstallOptions {
  readonly client?: Omit<ClientOptions, "registry">;
}

/**
 * Pulls an image into the store below `root`.
 * @throws BerthError MANIFEST_UNKNOWN, PLATFORM_UNKNOWN, DIGEST_INVALID, SIZE_INVALID, LAYER_INVALID, TOO_LARGE, NO_SPACE,
 * NETWORK, UPSTREAM, UNAUTHORIZED, DENIED, ABORTED; afterwards nothing of the pull is left
 */
export async function pullImage(
  root: string,
  reference: Reference,
  options: PullOptions = {},
): Promise<InstalledImage> {
  const store = openWritableStore(root);
  const client = new RegistryClient({ registry: reference.registry, ...options.client });
  try {
    const provider = new RegistryProvider(client, store.content, reference, options.signal);
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
    await client.close();
  }
}
