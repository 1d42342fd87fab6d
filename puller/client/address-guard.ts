import { lookup, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

import { BerthError } from "../../oci/errors.js";

/** Addresses that are not of the internet at large (IANA's special-purpose registries): a host's own, a network's own. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 127],
  // NAT64 and 6to4 hold an IPv4 address that may be any.
  ["64:ff9b::", 16],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 9],
  ["ff00::", 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv6");
}

/** @param host an address in a URL's form, or a name, which is not looked up: false */
export function isPrivateAddress(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(address);
  return family !== 0 && PRIVATE.check(address, family === 6 ? "ipv6" : "ipv4");
}

/**
 * Keeps a registry on the internet from sending us to hosts of our own network, by a redirect or as the address of its token
 * service. A registry that has a private address itself may name others.
 */
export class AddressGuard {
  /** Whether the registry has a private address; undefined until it was looked up. */
  #atHome: boolean | undefined;

  /** @param ownHost of the registry, as in a URL */
  constructor(private readonly ownHost: string) {
    if (ownHost === "localhost" || isPrivateAddress(ownHost)) this.#atHome = true;
    else if (isIP(ownHost.replace(/^\[(.*)\]$/, "$1")) !== 0) this.#atHome = false;
  }

  /** For hosts given as addresses, which are never looked up. @throws BerthError DENIED */
  assertAllowed(url: URL): void {
    if (url.hostname !== this.ownHost && this.#atHome !== true && isPrivateAddress(url.hostname)) {
      throw refusal(url.hostname);
    }
  }

  /** As dns.lookup; what it lets through is what the connection is made to, so no second answer can differ. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, [], 0);
        return;
      }
      const isPrivate = addresses.some(({ address }) => isPrivateAddress(address));
      if (hostname === this.ownHost) this.#atHome = isPrivate;
      else if (isPrivate && this.#atHome !== true) {
        callback(refusal(hostname), [], 0);
        return;
      }
      give(addresses, options.all === true, callback);
    });
  };
}

function give(addresses: LookupAddress[], all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const [first] = addresses;
  if (all) callback(null, addresses);
  else callback(null, first?.address ?? "", first?.family ?? 0);
}

function refusal(host: string): BerthError {
  return new BerthError("DENIED", `the registry points to ${host}, which is on a private network: not followed`);
}
