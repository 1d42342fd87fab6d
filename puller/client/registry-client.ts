import { algorithmOf, digestOf, isDigest, type Digest } from "../../oci/digest.js";
import { BerthError } from "../../oci/errors.js";
import type { Descriptor } from "../../oci/manifest.js";
import { MediaType } from "../../oci/media-types.js";
import { downloadBlob, type BlobSink, type WantedBlob } from "./blob-download.js";
import { uploadBlob, type BlobUpload } from "./blob-upload.js";
import type { ClientOptions } from "./client-options.js";
import { listReferrers, listTags } from "./registry-listing.js";
import { RegistrySession } from "./registry-session.js";
import { headerOf, lengthOf, printable, type Answer } from "./response-error.js";
import type { ByteSink } from "./transport.js";

export interface FetchedManifest {
  readonly bytes: Uint8Array;
  /** Without parameters. */
  readonly mediaType: string;
  readonly digest: Digest;
}

const MANIFEST_TYPES = [
  MediaType.ociManifest,
  MediaType.ociIndex,
  MediaType.dockerManifest,
  MediaType.dockerManifestList,
];
// The distribution-spec asks registries for at least 4 MiB.
const MAX_MANIFEST = 8 * 1024 * 1024;

/**
 * The distribution-spec from the client's side, for one registry. Every method throws BerthErrors: NETWORK, UPSTREAM,
 * UNAUTHORIZED, DENIED, TOO_MANY_REQUESTS, ABORTED, and what it names itself. Bytes whose digest was asked for are
 * verified, but for downloadBlob, whose sink does that.
 */
export class RegistryClient {
  readonly #session: RegistrySession;

  constructor(options: ClientOptions) {
    this.#session = new RegistrySession(options);
  }

  get registry(): string {
    return this.#session.registry;
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.#session.close();
  }

  /** Resolves when the registry has answered its first request, which says nothing of what it has. */
  async reach(signal?: AbortSignal): Promise<void> {
    await this.#session.origin(signal);
  }

  /** Shows the registry who asks; succeeds with those that do not want to know. */
  async authenticate(signal?: AbortSignal): Promise<void> {
    const what = `cannot log in to ${this.registry}`;
    await this.#session.call({ method: "GET", target: "/v2/", accept: [200], what, missing: "UNSUPPORTED", signal });
  }

  /**
   * @param reference tag or digest
   * @throws BerthError MANIFEST_UNKNOWN; DIGEST_INVALID when the bytes are not those of the digest that was asked for, or
   *   that the registry says they have
   */
  async getManifest(repository: string, reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const answer = await this.#manifestCall("GET", repository, reference, signal);
    const bytes = answer.body;
    const told = headerOf(answer.headers, "docker-content-digest") ?? "";
    const digest = isDigest(reference) ? reference : isDigest(told) ? told : digestOf(bytes);
    if (digestOf(bytes, algorithmOf(digest)) !== digest) {
      throw new BerthError("DIGEST_INVALID", `${this.registry} sent other bytes than those of the manifest ${digest}`);
    }
    return { bytes, digest, mediaType: mediaTypeOf(answer) };
  }

  /** What a tag points to now; undefined for registries that do not say. @throws BerthError MANIFEST_UNKNOWN */
  async headManifest(repository: string, reference: string, signal?: AbortSignal): Promise<Digest | undefined> {
    const answer = await this.#manifestCall("HEAD", repository, reference, signal);
    const digest = answer.status === 200 ? headerOf(answer.headers, "docker-content-digest") : undefined;
    return digest !== undefined && isDigest(digest) ? digest : undefined;
  }

  /** @throws BerthError UPSTREAM when the registry reports another digest than that of the bytes */
  async putManifest(
    repository: string,
    reference: string,
    manifest: Pick<FetchedManifest, "bytes" | "mediaType">,
    signal?: AbortSignal,
  ): Promise<void> {
    const answer = await this.#session.call({
      method: "PUT",
      target: `/v2/${repository}/manifests/${reference}`,
      headers: { "content-type": manifest.mediaType },
      body: () => manifest.bytes,
      scope: `repository:${repository}:pull,push`,
      accept: [201, 200, 202],
      what: `cannot push the manifest of ${repository}`,
      missing: "NAME_UNKNOWN",
      signal,
    });
    const stored = headerOf(answer.headers, "docker-content-digest");
    if (stored !== undefined && isDigest(stored) && stored !== digestOf(manifest.bytes, algorithmOf(stored))) {
      throw new BerthError(
        "UPSTREAM",
        `${this.registry} stored the manifest under another digest: ${printable(stored)}`,
      );
    }
  }

  async hasBlob(repository: string, digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#session.call({
      method: "HEAD",
      target: `/v2/${repository}/blobs/${digest}`,
      scope: `repository:${repository}:pull,push`,
      accept: [200, 404],
      what: `cannot look for ${digest}`,
      missing: "BLOB_UNKNOWN",
      signal,
    });
    return answer.status === 200;
  }

  /** Whether the registry has the blob, and how large it is, when it says so. @throws BerthError BLOB_UNKNOWN */
  async statBlob(repository: string, digest: Digest, signal?: AbortSignal): Promise<number | undefined> {
    const { headers } = await this.#session.call({
      method: "HEAD",
      target: `/v2/${repository}/blobs/${digest}`,
      scope: `repository:${repository}:pull`,
      accept: [200],
      what: `cannot look for ${digest}`,
      missing: "BLOB_UNKNOWN",
      signal,
    });
    return lengthOf(headers);
  }

  /** In the registry's order. @throws BerthError NAME_UNKNOWN; TOO_LARGE for more than anybody has */
  listTags(repository: string, signal?: AbortSignal): Promise<string[]> {
    return listTags(this.#session, repository, signal);
  }

  /** @throws BerthError NAME_UNKNOWN, also by registries that know no referrers; TOO_LARGE */
  listReferrers(repository: string, subject: Digest, signal?: AbortSignal): Promise<Descriptor[]> {
    return listReferrers(this.#session, repository, subject, signal);
  }

  /** Small blobs such as configs, verified. @throws BerthError BLOB_UNKNOWN, DIGEST_INVALID, TOO_LARGE */
  async getBlob(repository: string, blob: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    if (blob.size > MAX_MANIFEST) {
      throw new BerthError("TOO_LARGE", `${blob.digest} has ${String(blob.size)} bytes: too many for a config`);
    }
    const kept: Uint8Array[] = [];
    const sink: ByteSink = {
      write: (chunk) => {
        kept.push(Uint8Array.from(chunk));
        return Promise.resolve();
      },
    };
    await this.downloadBlob(repository, blob, sink, signal);
    const bytes = Buffer.concat(kept);
    if (digestOf(bytes, algorithmOf(blob.digest)) !== blob.digest) {
      throw new BerthError("DIGEST_INVALID", `${this.registry} sent other bytes than those of ${blob.digest}`);
    }
    return bytes;
  }

  /**
   * Sends the blob's bytes to `sink`, in order, each once, however often the transfer breaks. The count is verified where the
   * size is known, the digest is the sink's to verify.
   * @param from first byte that is wanted
   * @throws BerthError BLOB_UNKNOWN, SIZE_INVALID; what the sink throws
   */
  downloadBlob(
    repository: string,
    blob: WantedBlob,
    sink: BlobSink,
    signal?: AbortSignal,
    from?: number,
  ): Promise<void> {
    return downloadBlob(this.#session, repository, blob, sink, signal, from);
  }

  /** @returns whether bytes were sent or a mount did it */
  uploadBlob(repository: string, blob: BlobUpload): Promise<"uploaded" | "mounted"> {
    return uploadBlob(this.#session, repository, blob);
  }

  #manifestCall(
    method: "GET" | "HEAD",
    repository: string,
    reference: string,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const separator = isDigest(reference) ? "@" : ":";
    return this.#session.call({
      method,
      target: `/v2/${repository}/manifests/${reference}`,
      headers: { accept: MANIFEST_TYPES.join(", ") },
      scope: `repository:${repository}:pull`,
      // Some registries, and proxies before them, know no HEAD here; what is amiss is then said in the answer to a GET.
      accept: method === "HEAD" ? [200, 400, 403, 405] : [200],
      what: `manifest for ${this.registry}/${repository}${separator}${reference}`,
      missing: "MANIFEST_UNKNOWN",
      maxAnswer: MAX_MANIFEST,
      signal,
    });
  }
}

function mediaTypeOf({ headers }: Answer): string {
  return (headerOf(headers, "content-type") ?? "").split(";", 1)[0]?.trim() ?? "";
}
