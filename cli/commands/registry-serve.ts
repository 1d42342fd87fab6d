import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";

import { pino } from "pino";

import type { AuthSettings } from "../../registry/config/auth-section.js";
import { loadConfig } from "../../registry/config/load-config.js";
import { startRegistry } from "../../registry/index.js";
import type { CliContext } from "../context.js";

export interface ServeFlags {
  readonly listen?: string;
  readonly root?: string;
  readonly config?: string;
  readonly logLevel?: string;
  readonly insecureNoAuth?: boolean;
}

/** Serves until SIGINT or SIGTERM. The address goes to standard output, the log to standard error. */
export async function serve({ config: file, ...flags }: ServeFlags, context: CliContext): Promise<void> {
  const config = loadConfig({ ...(file !== undefined && { file }), env: process.env, flags });
  const root = config.root ?? join(context.root, "registry");
  const log = pino({ level: config.log.level }, pino.destination({ fd: 2, sync: true }));
  const registry = await startRegistry({
    root,
    listen: config.listen,
    insecureNoAuth: config.insecureNoAuth,
    ...(config.http.url !== undefined && { url: config.http.url }),
    trustForwarded: config.http.trustForwarded,
    idleTimeoutMs: config.http.idleTimeoutSeconds * 1000,
    drainTimeoutMs: config.http.drainTimeoutSeconds * 1000,
    manifestBytes: config.limits.manifestBytes,
    sparseManifests: config.limits.sparseManifests,
    auth: config.auth && withKeyDirectory(config.auth, context),
    tls: config.tls,
    uploadExpiryMs: config.uploads.expireAfterHours * 3600_000,
    log,
  });
  process.stdout.write(`berth registry serves ${registry.url} from ${root}\n`);
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await stopped;
  // A second signal ends the process at once, as it would have without us.
  process.removeAllListeners("SIGINT").removeAllListeners("SIGTERM");
  log.info("stopping: requests under way are let end");
  await registry.close();
}

/** The keys that sign tokens are kept beside the store, not in it: whoever may read the store could else make tokens. */
function withKeyDirectory(auth: AuthSettings, { root }: CliContext): AuthSettings {
  const { directory, secret } = auth.keys;
  if (directory !== undefined || secret !== undefined) return auth;
  return { ...auth, keys: { ...auth.keys, directory: join(root, "registry-keys") } };
}
