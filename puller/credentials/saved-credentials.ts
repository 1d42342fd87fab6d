import { join } from "node:path";

import type { Credentials } from "../client/index.js";
import { authsEntry, dockerConfigPath, helperFor, readDockerConfig } from "./docker-config.js";

/**
 * What `login` has saved for a registry: by the credential helper that config.json names for it, in config.json itself, or
 * in podman's auth.json.
 * @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT
 */
export async function savedCredentials(
  registry: string,
  {
    environment = process.env,
    repository,
  }: { readonly environment?: NodeJS.ProcessEnv; readonly repository?: string } = {},
): Promise<Credentials | undefined> {
  const config = await readDockerConfig(dockerConfigPath(environment));
  const helper = config && helperFor(config, registry);
  if (helper !== undefined) {
    const { CredentialHelper } = await import("./credential-helper.js");
    const kept = await new CredentialHelper(helper, environment).get(registry);
    if (kept !== undefined) return kept;
  }
  const written = config && authsEntry(config, registry, repository);
  if (written !== undefined) return written;
  const podman = podmanAuthFile(environment);
  const auths = podman === undefined ? undefined : await readDockerConfig(podman);
  return auths && authsEntry(auths, registry, repository);
}

/** containers-auth.json(5) */
function podmanAuthFile(environment: NodeJS.ProcessEnv): string | undefined {
  if (environment["REGISTRY_AUTH_FILE"]) return environment["REGISTRY_AUTH_FILE"];
  const runtime = environment["XDG_RUNTIME_DIR"];
  return runtime ? join(runtime, "containers/auth.json") : undefined;
}
