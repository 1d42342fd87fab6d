import { setTimeout as sleep } from "node:timers/promises";

import type { Digest } from "../../oci/digest.js";
import { BerthError, isBerthError, type ErrorCode } from "../../oci/errors.js";
import { parseManifest, type Descriptor } from "../../oci/manifest.js";
import type { FetchedManifest } from "../client/index.js";
import type { Capability, RegistryHost } from "../hosts/registry-host.js";
import type { HostMemory } from "./host-memory.js";
import { firstToAnswer, type Lane } from "./host-race.js";
import { RegistrySource } from "./registry-source.js";

/** How long a host is waited for before the next one is asked as well; for tests with a clock of their own. */
export interface HeadStarts {
  /**
   * Resolves when the time is over, or with the signal.
   * @param what `reach`: a host is silent as if it were not there. `answer`: it is there, and does not answer a question
   */
  over(what: "reach" | "answer", signal: AbortSignal): Promise<void>;
}

export interface MirrorOptions {
  /** Takes which host has served what, and which one was left and why. */
  readonly note?: ((sentence: string) => void) | undefined;
  readonly memory?: HostMemory | undefined;
  readonly headStarts?: HeadStarts | undefined;
}

const HEAD_START_MS = {
  /** Several times what a connection takes that is established at all. */
  reach: 500,
  /** A mirror may have to fetch first what it is asked for, and the registry may count who asks it instead. */
  answer: 3_000,
};

// A transfer that broke after this much is worth another connection to the same mirror.
const WORTH_GOING_ON = 1024 * 1024;
const MISSING: ReadonlySet<ErrorCode> = new Set(["MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NAME_UNKNOWN"]);

/**
 * A registry behind its mirrors. Each question goes to them in order until one is answered; the last host, the registry
 * itself, has the last word, and its failure is the one that is reported. One that is silent has a head start, and then the
 * next is asked as well. A mirror that fails in another way than by not having something, or that was silent until another
 * host had answered, is left alone from then on.
 */
export class RegistryWithMirrors {
  readonly #sources: readonly RegistrySource[];
  readonly #note: (sentence: string) => void;
  readonly #memory: HostMemory | undefined;
  readonly #headStarts: HeadStarts;
  /** Who has sent bytes of a blob since it was last begun. */
  readonly #senders = new Map<Digest, Set<RegistrySource>>();

  constructor(hosts: readonly RegistryHost[], { note, memory, headStarts }: MirrorOptions = {}) {
    this.#sources = hosts.map((host) => new RegistrySource(host));
    this.#note = note ?? (() => undefined);
    this.#memory = memory;
    this.#headStarts = headStarts ?? BY_CLOCK;
  }

  async close(): Promise<void> {
    this.#memory?.save();
    await Promise.all(this.#sources.map((source) => source.close()));
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
    return this.#ask("resolve", `${repository}:${tag}`, signal, async ({ client }, { signal: own }, isLast) => {
      const digest = await client.headManifest(repository, tag, own);
      const manifest = (digest && known(digest)) ?? (await client.getManifest(repository, digest ?? tag, own));
      // A mirror's page of welcome is no answer; the registry's own is told to the user as it is.
      if (!isLast) parseManifest(manifest.bytes, manifest.mediaType || undefined);
      return manifest;
    });
  }

  /** @throws BerthError MANIFEST_UNKNOWN, DIGEST_INVALID */
  manifest(repository: string, digest: Digest, signal?: AbortSignal): Promise<FetchedManifest> {
    return this.#ask("pull", digest, signal, ({ client }, lane) => client.getManifest(repository, digest, lane.signal));
  }

  /** Small ones, verified. @throws BerthError BLOB_UNKNOWN, DIGEST_INVALID, SIZE_INVALID, TOO_LARGE */
  blob(repository: string, blob: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#ask("pull", blob.digest, signal, ({ client }, lane) => client.getBlob(repository, blob, lane.signal));
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
    const senders = new Set<RegistrySource>();
    this.#senders.set(blob.digest, senders);
    let received = 0;
    let refused = false;
    await this.#ask("pull", blob.digest, signal, async (source, lane, isLast) => {
      const sink = {
        write: async (chunk: Uint8Array): Promise<void> => {
          // Another host has begun to send before.
          if (!lane.claim()) throw new BerthError("ABORTED", "another host was quicker");
          senders.add(source);
          // At once: the connection may break before the bytes are taken, and the next host is then asked for those after them.
          received += chunk.byteLength;
          await write(chunk).catch((error: unknown) => {
            refused = true;
            throw error;
          });
        },
      };
      for (;;) {
        const before = received;
        try {
          await source.client.downloadBlob(repository, blob, sink, lane.signal, received);
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
    question: (source: RegistrySource, lane: Lane, isLast: boolean) => Promise<T>,
  ): Promise<T> {
    const sources = this.#sources.filter(
      ({ capabilities, trouble }) => capabilities.has(capability) && trouble === undefined,
    );
    const last = sources.at(-1);
    if (last === undefined) {
      throw new BerthError("UNSUPPORTED", `no host may be asked for ${what}: see capabilities in hosts.toml`);
    }
    const ask = async (source: RegistrySource, lane: Lane): Promise<T> => {
      await source.reach(lane.signal);
      this.#memory?.reached(source.name);
      const answer = await question(source, lane, source === last);
      this.#note(`${what} from ${source.name}`);
      return answer;
    };
    try {
      return await firstToAnswer(sources, ask, {
        headStart: async (source, own) => await this.#headStart(source, own),
        failed: (source, error) => {
          if (error instanceof Final) throw error;
          if (signal?.aborted === true || !isBerthError(error)) throw error;
          if (source === last) return;
          if (MISSING.has(error.code)) this.#note(`${what} is not at ${source.name}`);
          else this.#leave(source, error.message);
        },
        passedOver: (source, winner) => {
          if (source !== last) this.#leave(source, `it was silent until ${winner.name} had answered`);
        },
        signal,
      });
    } catch (error) {
      if (error instanceof Final) throw error.cause;
      throw isBerthError(error) && signal?.aborted !== true ? this.#withTroubles(error, last) : error;
    }
  }

  async #headStart(source: RegistrySource, signal: AbortSignal): Promise<void> {
    if (!source.isReached) {
      if (this.#memory?.wasMissed(source.name) === true) return;
      // A failure is heard of elsewhere.
      const reaching = source.reach(signal).then(
        () => false,
        () => false,
      );
      const isOver = this.#headStarts.over("reach", signal).then(() => !signal.aborted);
      if (await Promise.race([reaching, isOver])) this.#memory?.missed(source.name);
      if (!source.isReached) return;
    }
    await this.#headStarts.over("answer", signal);
  }

  #leave(mirror: RegistrySource, why: string): void {
    mirror.trouble ??= why;
    this.#note(`left the mirror ${mirror.name}: ${why}`);
  }

  #withTroubles(error: BerthError, source: RegistrySource): BerthError {
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

const BY_CLOCK: HeadStarts = {
  over: async (what, signal) => {
    await sleep(HEAD_START_MS[what], undefined, { signal, ref: false }).catch(() => undefined);
  },
};

/** A failure that no other host can make good. */
class Final extends Error {
  constructor(override readonly cause: unknown) {
    super("no other host can help");
  }
}
