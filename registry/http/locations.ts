import type { Digest } from "../../oci/digest.js";
import type { RegistryRequest } from "./request.js";

/**
 * Location headers. Relative, so that they hold behind any proxy, unless the configuration names the address under which
 * clients see the registry or has it taken from the proxy's X-Forwarded headers.
 */
export class Locations {
  constructor(private readonly options: { readonly baseUrl?: string; readonly trustForwarded: boolean }) {}

  blob(ctx: RegistryRequest, name: string, digest: Digest): string {
    return `${this.#base(ctx)}/v2/${name}/blobs/${digest}`;
  }

  upload(ctx: RegistryRequest, name: string, id: string): string {
    return `${this.#base(ctx)}/v2/${name}/blobs/uploads/${id}`;
  }

  manifest(ctx: RegistryRequest, name: string, digest: Digest): string {
    return `${this.#base(ctx)}/v2/${name}/manifests/${digest}`;
  }

  /** For what must be absolute, such as the address of the token service: the host that the request named, at worst. */
  absolute(ctx: RegistryRequest, path: string): string {
    const base = this.#base(ctx);
    if (base !== "") return base + path;
    const { socket } = ctx.req;
    const scheme = "encrypted" in socket ? "https" : "http";
    const named = ctx.req.headers.host ?? "";
    const { localAddress = "", localPort = 0, localFamily } = socket;
    const own = `${localFamily === "IPv6" ? `[${localAddress}]` : localAddress}:${String(localPort)}`;
    return `${scheme}://${HOST.test(named) ? named : own}${path}`;
  }

  #base(ctx: RegistryRequest): string {
    if (this.options.baseUrl !== undefined) return this.options.baseUrl.replace(/\/$/, "");
    if (!this.options.trustForwarded) return "";
    const host = firstOf(ctx.get("X-Forwarded-Host"));
    if (!HOST.test(host)) return "";
    return `${firstOf(ctx.get("X-Forwarded-Proto")) === "https" ? "https" : "http"}://${host}`;
  }
}

const HOST = /^[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

/** Each proxy appends its own; the first is the one the client spoke to. */
function firstOf(header: string): string {
  return (header.split(",")[0] ?? "").trim();
}
