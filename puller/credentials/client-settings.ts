import type { ClientOptions } from "../client/index.js";
import { savedCredentials } from "./docker-config.js";
import { isInsecureRegistry } from "./insecure-registries.js";

/** How this user talks to a registry. @throws BerthError CONFIG_INVALID */
export async function clientSettings(registry: string): Promise<Omit<ClientOptions, "registry">> {
  const [credentials, insecure] = await Promise.all([savedCredentials(registry), isInsecureRegistry(registry)]);
  return { insecure, ...(credentials !== undefined && { credentials }) };
}
