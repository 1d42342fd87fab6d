import { isIP } from "node:net";

import { BerthError } from "../../oci/errors.js";
import type { ListenAddress } from "../http/listener.js";

/** `host:port`, `[v6]:port` or `:port` (every address). @throws BerthError USAGE */
export function parseListenAddress(text: string): ListenAddress {
  const [, v6, name, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host === undefined || Number(port) > 65535 || (v6 !== undefined && isIP(v6) !== 6)) {
    throw new BerthError("USAGE", `${JSON.stringify(text)} is no address to listen on: write host:port`);
  }
  return { host: host === "" ? "::" : host, port: Number(port) };
}

export function isLoopback({ host }: ListenAddress): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
