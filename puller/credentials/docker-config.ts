import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { Credentials } from "../client/index.js";

const HUB_KEYS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** $DOCKER_CONFIG/config.json, or ~/.docker/config.json. */
export function dockerConfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
}

/**
 * What `docker login` has saved for a registry.
 * @returns undefined when there is no file or nothing for the registry
 * @throws BerthError CONFIG_INVALID
 */
export async function savedCredentials(registry: string, path = dockerConfigPath()): Promise<Credentials | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw new BerthError("CONFIG_INVALID", `cannot read ${path}: ${errnoOf(error) ?? String(error)}`, { cause: error });
  }
  return credentialsIn(text, registry, path);
}

/** @param path for messages. @throws BerthError CONFIG_INVALID */
export function credentialsIn(text: string, registry: string, path: string): Credentials | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds secrets.
    throw new BerthError("CONFIG_INVALID", `${path} is not JSON`);
  }
  const auths = isRecord(json) ? json["auths"] : undefined;
  if (!isRecord(auths)) return undefined;
  const key = Object.keys(auths).find((name) => hostOf(name) === hostOf(registry));
  const entry = key === undefined ? undefined : auths[key];
  return isRecord(entry) ? credentialsOf(entry, `${path}: auths[${JSON.stringify(key)}]`) : undefined;
}

function credentialsOf(entry: Record<string, unknown>, where: string): Credentials | undefined {
  const { auth, username, password, identitytoken } = entry;
  let pair = typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
  if (typeof auth === "string" && auth !== "") {
    // Docker pads with NUL bytes.
    const decoded = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
    const colon = decoded.indexOf(":");
    if (colon <= 0) throw new BerthError("CONFIG_INVALID", `${where}.auth is not base64 of user:password`);
    pair = { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { username: pair?.username ?? "", password: pair?.password ?? "", identityToken: identitytoken };
  }
  return pair;
}

/** `https://index.docker.io/v1/` and `docker.io` are one registry. */
function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return HUB_KEYS.has(host) ? "docker.io" : host;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
