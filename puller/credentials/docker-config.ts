import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { Credentials } from "../client/index.js";
import { hostOfKey, isHostKey } from "./server-names.js";

/** A file in the form of Docker's config.json, which podman's auth.json has, too. */
export interface DockerConfig {
  readonly path: string;
  /** All of it, what berth does not know included. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** $DOCKER_CONFIG/config.json, or ~/.docker/config.json. */
export function dockerConfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment["DOCKER_CONFIG"] || join(environment["HOME"] || homedir(), ".docker"), "config.json");
}

/** @returns undefined when there is no such file. @throws BerthError CONFIG_INVALID */
export async function readDockerConfig(path: string): Promise<DockerConfig | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw new BerthError("CONFIG_INVALID", `cannot read ${path}: ${errnoOf(error) ?? String(error)}`, { cause: error });
  }
  return parseDockerConfig(text, path);
}

/** @param path for messages. @throws BerthError CONFIG_INVALID */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  let json: unknown;
  try {
    // Docker takes an empty file for an empty object.
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds secrets.
    throw new BerthError("CONFIG_INVALID", `${path} is not JSON`);
  }
  if (!isRecord(json)) throw new BerthError("CONFIG_INVALID", `${path} is not a JSON object`);
  return { path, json };
}

/**
 * The X of the program docker-credential-X that keeps a registry's credentials.
 * @throws BerthError CONFIG_INVALID
 */
export function helperFor({ path, json }: DockerConfig, registry: string): string | undefined {
  const { credHelpers, credsStore } = json;
  const helpers = isRecord(credHelpers) ? credHelpers : {};
  const key = Object.keys(helpers).find((name) => hostOfKey(name) === hostOfKey(registry));
  const helper = key === undefined ? credsStore : helpers[key];
  if (helper === undefined || helper === "") return undefined;
  if (typeof helper === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(helper)) return helper;
  const where = key === undefined ? "credsStore" : `credHelpers[${JSON.stringify(key)}]`;
  throw new BerthError("CONFIG_INVALID", `${path}: ${where} is no name of a credential helper`);
}

/**
 * What stands in `auths`. A key may name a registry, or (podman's way) a part of its repositories: the longest counts.
 * @throws BerthError CONFIG_INVALID
 */
export function authsEntry(
  { path, json }: DockerConfig,
  registry: string,
  repository?: string,
): Credentials | undefined {
  const { auths } = json;
  if (!isRecord(auths)) return undefined;
  const names = Object.keys(auths);
  const whole = repository === undefined ? "" : `${registry}/${repository}`;
  const key =
    names
      .filter((name) => !isHostKey(name) && (whole === name || whole.startsWith(`${name}/`)))
      .sort((a, b) => b.length - a.length)[0] ??
    names.find((name) => name === registry) ??
    names.find((name) => isHostKey(name) && hostOfKey(name) === hostOfKey(registry));
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

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
