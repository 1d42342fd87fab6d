import { readFile } from "node:fs/promises";
import { BlockList, isIP } from "node:net";

import { BerthError, errnoOf } from "../../oci/errors.js";

const DEFAULT_PATH = "/etc/berth/daemon.json";

/**
 * Whether `insecure-registries` of the daemon.json-style file (BERTH_CONFIG, /etc/berth/daemon.json) names the registry, as
 * `host:port` or as the network of its address.
 * @throws BerthError CONFIG_INVALID
 */
export async function isInsecureRegistry(
  registry: string,
  path = process.env["BERTH_CONFIG"] || DEFAULT_PATH,
): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" && path === DEFAULT_PATH) return false;
    throw new BerthError("CONFIG_INVALID", `cannot read ${path}: ${errnoOf(error) ?? String(error)}`, { cause: error });
  }
  return namesRegistry(insecureRegistriesIn(text, path), registry);
}

function insecureRegistriesIn(text: string, path: string): readonly string[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BerthError("CONFIG_INVALID", `${path} is not JSON`, { cause });
  }
  const list = (json as Record<string, unknown> | null)?.["insecure-registries"] ?? [];
  if (Array.isArray(list) && list.every((item): item is string => typeof item === "string")) return list;
  throw new BerthError("CONFIG_INVALID", `${path}: insecure-registries is not a list of names`);
}

function namesRegistry(list: readonly string[], registry: string): boolean {
  const host = registry.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host);
  return list.some((item) => {
    const [, network, prefix] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(item) ?? [];
    if (network === undefined || isIP(network) === 0) return item === registry || item === host;
    if (family !== isIP(network)) return false;
    const block = new BlockList();
    const name = family === 6 ? "ipv6" : "ipv4";
    block.addSubnet(network, Number(prefix), name);
    return block.check(host, name);
  });
}
