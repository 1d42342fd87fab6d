import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { isDigest } from "../../oci/digest.js";
import { MediaType } from "../../oci/media-types.js";
import type { SmallImage } from "./small-image.js";

export type Script = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/**
 * A registry on loopback that serves one image under any repository and tag, and does what a test tells it to: a script that
 * returns true has answered the request itself.
 */
export class ScriptedRegistry {
  readonly #server: Server;
  readonly requests: string[] = [];
  image: SmallImage | undefined;
  script: Script = () => false;
  port = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
      void this.#answer(request, response);
    });
  }

  get address(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (await this.script(request, response)) return;
      this.#serve(request, response);
    } catch {
      response.destroy();
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = (request.url ?? "").replace(/\?.*$/, "");
    if (url.endsWith("/v2/")) return void response.writeHead(200).end("{}");
    const [, kind, reference = ""] = /\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const digest = isDigest(reference) ? reference : this.image?.manifest;
    const bytes = digest && this.image?.blobs.get(digest);
    if (bytes === undefined || digest === undefined) {
      response.writeHead(404, { "content-type": "application/json" });
      const code = kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
      return void response.end(JSON.stringify({ errors: [{ code, message: "not here" }] }));
    }
    const parsed = kind === "manifests" ? (JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: string }) : {};
    const headers = {
      "content-type": parsed.mediaType ?? (kind === "manifests" ? MediaType.ociManifest : "application/octet-stream"),
      "docker-content-digest": digest,
    };
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = bytes.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      "content-length": body.byteLength,
      ...(start > 0 && {
        "content-range": `bytes ${String(start)}-${String(bytes.byteLength - 1)}/${String(bytes.byteLength)}`,
      }),
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }
}
