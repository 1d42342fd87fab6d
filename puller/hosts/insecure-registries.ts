import { BlockList, isIP } from "node:net";

/**
 * Whether a list such as Docker's `insecure-registries` names a registry: as `host[:port]`, or the network of its address.
 * @param registry `host[:port]`
 */
export function isInsecure(insecureRegistries: readonly string[], registry: string): boolean {
  const host = registry.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const family = isIP(host) === 6 ? "ipv6" : "ipv4";
  return insecureRegistries.some((item) => {
    const network = networkOf(item);
    if (network === undefined) return item === registry || item.replace(/^\[(.*)\]$/, "$1") === host;
    return isIP(host) !== 0 && network.check(host, family);
  });
}

/** undefined for what is no network in CIDR form. */
export function networkOf(text: string): BlockList | undefined {
  const [, address = "", prefix] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(prefix) > (version === 6 ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), version === 6 ? "ipv6" : "ipv4");
  return list;
}
