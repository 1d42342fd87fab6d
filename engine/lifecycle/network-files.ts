import { readFileSync, writeFileSync } from "node:fs";

import { BerthError, errnoOf } from "../../oci/errors.js";
import type { ContainerPaths } from "../container-paths.js";
import type { ContainerRecord } from "../container-record.js";

const LOOPBACK_HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** The files that are bind mounted on /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export function writeNetworkFiles(paths: ContainerPaths, { Config, HostConfig }: ContainerRecord): void {
  const own = HostConfig.NetworkMode !== "host";
  const hosts = own ? LOOPBACK_HOSTS : readOrEmpty("/etc/hosts");
  const extra = HostConfig.ExtraHosts.map(hostsLine).join("");
  writeFileSync(paths.hosts, hosts + extra, { mode: 0o644 });
  writeFileSync(paths.hostname, `${Config.Hostname}\n`, { mode: 0o644 });
  writeFileSync(paths.resolvConf, readOrEmpty("/etc/resolv.conf"), { mode: 0o644 });
}

/** `--add-host NAME:ADDRESS` as a line of hosts(5). @throws BerthError USAGE */
export function hostsLine(text: string): string {
  const [, name, address] = /^([^:=\s]+)[:=](\S+)$/.exec(text) ?? [];
  if (name === undefined || address === undefined || !/^[0-9A-Fa-f.:[\]]+$/.test(address)) {
    throw new BerthError("USAGE", `invalid --add-host ${JSON.stringify(text)}: write NAME:ADDRESS`);
  }
  return `${address.replace(/^\[|\]$/g, "")}\t${name}\n`;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}
