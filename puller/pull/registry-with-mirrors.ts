import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError, type ErrorCode } from "../../oci/errors.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import { RegistryClient, type FetchedManifest } from "../client/index.js";
import type { Capability, RegistryHost } from "../hosts/registry-host.js";

interface Source {
  readonly name: string;
  readonly client: RegistryClient;
  readonly capabilities: ReadonlySet<Capability>;
  /** What the mirror has failed with; it is not asked again. */
  trouble?: string;
}

// A transfer that broke after this much is worth another connection to the same mirror.
const WORTH_GOING_ON = 1024 * 1024;
const MISSING: ReadonlySet<ErrorCode> = new Set(["MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"]);

/**
 * A registry behind its mirrors. Each question goes to them in order until one is answered; the last host, the registry
 * itself, has the last word, and its failure is the one that is reported. A mirror that fails in another way than by not
 * having something is left alone from then on.
 */
export class RegistryWithMirrors {
  readonly #sources: readonly Source[];
  readonly #note: (sentence: string) => void;
  /** Who has sent bytes of a blob since it was last begun. */
  readonly #senders = new Map<Digest, Set<Source>>();

  /** @param note takes which host has served what, and which one was left and why */
  constructor(hosts: readonly RegistryHost[], note: (sentence: string) => void = () => undefined) {
    this.#sources = hosts.map(({ client, capabilities }) => ({
      name: client.endpoint === undefined ? client.registry : new URL(client.endpoint).origin,
      client: new RegistryClient(client),
      capabilities,
    }));
    this.#note = note;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map(({ client }) => client.close()));
  }

  /**
   * What a tag stands for: only hosts that are trusted with that are asked.
   * @param known gives manifests that need not be fetched
   */
  resolve(
    repository: string,
    tag: string,
    known: (digest: Digest) => FetchedManifest | undefined,
    signal?: AbortSignal,
  ): Promise<FetchedManifest> {
    return this.#ask("resolve", `${repository}:${tag}`, signal, async (client, isLast) => {
      const digest = await client.headManifest(repository, tag, signal);
      const manifest = (digest && known(digest)) ?? (await client.getManifest(repository, digest ?? tag, signal));
      // A mirror's page of welcome is no answer; the registry's own is told to the user as it is.
      if (!isLast) parseManifest(manifest.bytes, manifest.mediaType || undefined);
      return manifest;
    });
  }

  /** @throws BerthError MANIFEST_UNKNOWN, DIGEST_INVALID */
  manifest(repository: string, digest: Digest, signal?: AbortSignal): Promise<FetchedManifest> {
    return this.#ask("pull", digest, signal, (client) => client.getManifest(repository, digest, signal));
  }

  /** Small ones, verified. @throws BerthError BLOB_UNKNOWN, DIGEST_INVALID, SIZE_INVALID, TOO_LARGE */
  blob(repository: string, blob: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#ask("pull", blob.digest, signal, (client) => client.getBlob(repository, blob, signal));
  }

  /**
   * Sends the blob's bytes to `write`, in order, each once. Where one host breaks off the next goes on, so the bytes may be
   * of several: who verifies them calls blame() if they are wrong.
   */
  async pour(
    repository: string,
    blob: Descriptor,
    write: (chunk: Uint8Array) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const senders = new Set<Source>();
    this.#senders.set(blob.digest, senders);
    let received = 0;
    let refused = false;
    await this.#ask("pull", blob.digest, signal, async (client, isLast, source) => {
      const sink = {
        write: async (chunk: Uint8Array): Promise<void> => {
          senders.add(source);
          await write(chunk).catch((error: unknown) => {
            refused = true;
            throw error;
          });
          received += chunk.byteLength;
        },
      };
      for (;;) {
        const before = received;
        try {
          await client.downloadBlob(repository, blob, sink, signal, received);
          return;
        } catch (error) {
          // Another host cannot go on where bytes are wrong.
          if (refused || (isBerthError(error, "SIZE_INVALID") && received > 0)) throw new Final(error);
          if (isLast || received - before < WORTH_GOING_ON) throw error;
        }
      }
    });
  }

  /**
   * The bytes that pour() has given were not the blob's. Mirrors that sent some of them are left.
   * @returns whether there were such: to pour again is worth while
   */
  blame(digest: Digest): boolean {
    const server = this.#sources.at(-1);
    const mirrors = [...(this.#senders.get(digest) ?? [])].filter((source) => source !== server);
    for (const mirror of mirrors) this.#leave(mirror, `sent wrong bytes for ${digest}`);
    return mirrors.length > 0;
  }

  async #ask<T>(
    capability: Capability,
    what: string,
    signal: AbortSignal | undefined,
    question: (client: RegistryClient, isLast: boolean, source: Source) => Promise<T>,
  ): Promise<T> {
    const sources = this.#sources.filter(
      ({ capabilities, trouble }) => capabilities.has(capability) && trouble === undefined,
    );
    for (const source of sources) {
      const isLast = source === sources.at(-1);
      try {
        const answer = await question(source.client, isLast, source);
        this.#note(`${what} from ${source.name}`);
        return answer;
      } catch (error) {
        if (error instanceof Final) throw error.cause;
        if (signal?.aborted === true || !isBerthError(error)) throw error;
        if (isLast) throw this.#withTroubles(error, source);
        if (MISSING.has(error.code)) this.#note(`${what} is not at ${source.name}`);
        else this.#leave(source, error.message);
      }
    }
    throw new BerthError("UNSUPPORTED", `no host may be asked for ${what}: see capabilities in hosts.toml`);
  }

  #leave(mirror: Source, why: string): void {
    mirror.trouble ??= why;
    this.#note(`left the mirror ${mirror.name}: ${why}`);
  }

  #withTroubles(error: BerthError, source: Source): BerthError {
    const troubles = this.#sources.flatMap((other) =>
      other === source || other.trouble === undefined ? [] : [`the mirror ${other.name}: ${other.trouble}`],
    );
    if (troubles.length === 0) return error;
    return new BerthError(error.code, `${error.message} (${troubles.join("; ")})`, {
      details: error.details,
      cause: error,
    });
  }
}

/** A failure that no other host can make good. */
class Final extends Error {
  constructor(override readonly cause: unknown) {
    super("no other host can help");
  }
}
