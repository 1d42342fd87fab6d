import { realpath } from "node:fs/promises";

import type { Credentials } from "../client/index.js";
import { writeDurably } from "../store/durable-file.js";
import {
  authsEntry,
  dockerConfigPath,
  helperFor,
  isRecord,
  readDockerConfig,
  type DockerConfig,
} from "./docker-config.js";
import { hostOfKey, isHostKey, keyOfRegistry } from "./server-names.js";

/**
 * Saves credentials where config.json says: with a helper, or in the file itself, which keeps all else that it holds.
 * @returns the file when the secret stands in it, unencrypted
 * @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT
 */
export async function keepCredentials(
  registry: string,
  credentials: Credentials,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const path = dockerConfigPath(environment);
  const config = (await readDockerConfig(path)) ?? { path, json: {} };
  const helper = helperFor(config, registry);
  const auths = authsWithout(config, registry);
  if (helper !== undefined) {
    const { CredentialHelper } = await import("./credential-helper.js");
    await new CredentialHelper(helper, environment).store(registry, credentials);
    // Docker leaves an empty entry, by which it knows where it is logged in.
    await write(config, { ...auths, [keyOfRegistry(registry)]: {} });
    return undefined;
  }
  const { username, password, identityToken } = credentials;
  const secret = identityToken === undefined ? password : "";
  const entry = {
    auth: Buffer.from(`${username}:${secret}`).toString("base64"),
    ...(identityToken !== undefined && { identitytoken: identityToken }),
  };
  await write(config, { ...auths, [keyOfRegistry(registry)]: entry });
  return path;
}

/**
 * Forgets what is saved for a registry.
 * @returns whether there was something
 * @throws BerthError CONFIG_INVALID, UNAUTHORIZED, TIMEOUT
 */
export async function forgetCredentials(
  registry: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  const config = await readDockerConfig(dockerConfigPath(environment));
  if (config === undefined) return false;
  const helper = helperFor(config, registry);
  let known = authsEntry(config, registry) !== undefined;
  if (helper !== undefined) {
    const { CredentialHelper } = await import("./credential-helper.js");
    const program = new CredentialHelper(helper, environment);
    if ((await program.get(registry)) !== undefined) {
      known = true;
      await program.erase(registry);
    }
  }
  const before = isRecord(config.json["auths"]) ? Object.keys(config.json["auths"]).length : 0;
  const auths = authsWithout(config, registry);
  if (Object.keys(auths).length < before) await write(config, auths);
  return known;
}

function authsWithout({ json }: DockerConfig, registry: string): Record<string, unknown> {
  const entries = Object.entries(isRecord(json["auths"]) ? json["auths"] : {});
  const others = entries.filter(([key]) => !isHostKey(key) || hostOfKey(key) !== hostOfKey(registry));
  return Object.fromEntries(others);
}

async function write({ path, json }: DockerConfig, auths: Record<string, unknown>): Promise<void> {
  // Where people keep their settings elsewhere the file is a link: that stays.
  const target = await realpath(path).catch(() => path);
  await writeDurably(target, `${JSON.stringify({ ...json, auths }, undefined, "\t")}\n`, 0o600);
}
